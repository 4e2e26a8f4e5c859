"""flrouter measured against peers, and against itself as it grows (README.md)."""
