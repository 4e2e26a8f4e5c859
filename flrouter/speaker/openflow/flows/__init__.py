"""Rules and meters of a switch: what commands become, and dumps."""
