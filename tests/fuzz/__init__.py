"""Fuzzing all that reads bytes from Kafka or HTTP: `python -m tests.fuzz` (docs/testing.md)."""
