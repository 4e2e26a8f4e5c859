"""The runtime: what it overrides in Faust, and its parts against a real broker."""
