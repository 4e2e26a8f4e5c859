"""Commands for several switches or FLs: scattered in parts, gathered, answered once."""
