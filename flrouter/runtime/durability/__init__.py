"""Durability: what must be safe before anything behind it may be forgotten."""
