"""The web port of any process: its server, its TLS, its files, its headers for browsers."""
