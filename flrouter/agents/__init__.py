"""The Faust agents, one per stream: they turn records into inputs of the core."""

from __future__ import annotations

from flrouter.agents import commands, reports, shards
from flrouter.faust_side.app import RouterApp


def register(app: RouterApp) -> None:
    """Give `app` its agents."""
    commands.register(app)
    reports.register(app)
    shards.register(app)
