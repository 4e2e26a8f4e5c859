"""Tests of the wire format, one file for each module of `flrouter.messages`."""
