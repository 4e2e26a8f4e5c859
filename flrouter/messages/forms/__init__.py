"""Messages that flrouter writes itself, in the forms that its readers know."""
