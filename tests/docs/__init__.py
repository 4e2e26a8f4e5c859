"""The documentation is true: its blocks work, and the AsyncAPI document is what the code does."""
