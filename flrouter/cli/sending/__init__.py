"""`flrouter send`: commands from a file, and their answers."""
