"""What is kept and reported of the work: ended requests, events, logs, traces."""
