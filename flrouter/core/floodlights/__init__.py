"""FLs: whether each is alive, and the syncs that list its switches."""
