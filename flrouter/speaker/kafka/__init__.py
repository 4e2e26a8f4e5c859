"""The FL side's connection to Kafka: commands in, answers and events out."""
