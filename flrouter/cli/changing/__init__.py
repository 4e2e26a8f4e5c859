"""Commands that change the router: moves, drains, syncs, FLs."""
