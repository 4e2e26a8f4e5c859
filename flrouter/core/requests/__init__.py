"""A request's life: pending at an FL, until its one answer; then on the blacklist, or forgotten.

Beside that: commands that are rejected at once, records that the broker refuses, parts of commands
for many switches, links of chains.
"""
