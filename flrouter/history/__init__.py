"""Every request ever: what ended, and what happened to FLs, kept for weeks and found by anything.

The router writes it to a topic of its own, a small application indexes that topic, and whoever
looks asks the index. Read it in this order (docs/decisions/history.md says why it is so):

========== ==================================================================================
`record`   what a record of the topic says: requests that ended, events of FLs
`search`   what can be asked, and what comes back: the port `Store`
`rows`     how records lie in tables, the same in every database
`sqlite`   the store of one machine: a folder with a file for each day
`store`    which of them the settings name
`app`      the history worker, a Faust application
========== ==================================================================================
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """``faust -A flrouter.history`` takes the attribute ``app``; it is made when asked for."""
    if name == "app":
        import flrouter.faust_side.worker  # noqa: F401 - Faust takes it by its being there
        from flrouter.failure import load_settings
        from flrouter.history.worker.app import create_app

        globals()["app"] = app = create_app(load_settings())
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
