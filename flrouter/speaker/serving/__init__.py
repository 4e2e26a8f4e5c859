"""The FL side at work: commands in order, each done once and in time."""
