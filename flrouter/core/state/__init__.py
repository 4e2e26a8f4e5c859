"""What all rules of a shard share: its tables, its deadlines, its time, its settings."""
