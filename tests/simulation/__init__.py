"""A whole system around the pure core in one process, from one seed (docs/testing.md)."""
