"""The history: each request that ended, and what happened to FLs, kept for weeks.

The router writes it to a topic, a small application indexes that topic, and questions go to the
index. The modules, in the order to read them (docs/decisions/history.md has the reasons):

============ ================================================================================
`record`     records of the topic: requests that ended, events
`search`     questions and answers
`rows`       how records lie in tables
`store`      what the stores of all databases have in common
`sqlite`     the store of one machine
`postgresql` the store of several machines
`opening`    which of the two the settings name
`worker`     the history worker, a Faust application
============ ================================================================================
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """``faust -A flrouter.history`` takes the attribute ``app``; it is made when asked for."""
    if name == "app":
        from flrouter.failure import load_settings
        from flrouter.history.worker.app import create_app

        globals()["app"] = app = create_app(load_settings())
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
