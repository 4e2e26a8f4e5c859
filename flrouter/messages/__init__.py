"""The wire: envelopes, chains, errors and the catalog of message kinds.

Imports nothing else of flrouter; everything here is a function of bytes.
"""
