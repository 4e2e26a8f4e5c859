"""The web port of any process: its server, its TLS, what browsers are told and given."""
