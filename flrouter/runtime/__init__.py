"""Faust made fast and safe: shards, batches, tables, transport.

Performs what ``core`` decides. Every override of the framework names the fault that it answers;
`docs/faust.md` lists them with the tests that say when they are not needed any more.
"""
