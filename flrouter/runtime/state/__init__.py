"""What shards are made of when they are taken over: changelogs, a standby, a local copy."""
