"""Upgrades: today's code beside the release before, in one group and on the same topics."""
