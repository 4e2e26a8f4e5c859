"""Time series of the last hour, which each worker keeps of its own shards (docs/dashboard.md)."""
