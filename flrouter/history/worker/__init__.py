"""The history worker: reads the history's topic into a database, and answers from it."""
