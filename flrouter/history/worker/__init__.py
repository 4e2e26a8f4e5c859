"""The history worker: reads the history topic into a database, and answers from it."""
