"""Chaos: a router of real processes under a seeded schedule of faults, and a full account after."""
