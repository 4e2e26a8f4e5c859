"""What is asked of the brokers beside records: login, topics, ends, whether they can do it."""
