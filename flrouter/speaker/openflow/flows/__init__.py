"""Rules and meters of a switch: made from commands, and read for dumps."""
