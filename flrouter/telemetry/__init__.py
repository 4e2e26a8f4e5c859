"""What is remembered and told of the work: ended requests, events, logs, traces."""
