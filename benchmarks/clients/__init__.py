"""The FLs and the requester: librdkafka does their work, each in a process of its own."""
