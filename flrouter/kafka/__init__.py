"""Kafka: every client that the router has, behind the port :class:`flrouter.ports.Log`."""
