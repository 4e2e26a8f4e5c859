"""The settings: what can be set, where values come from, and which of them fit together."""
