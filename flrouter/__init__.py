"""flrouter: many OpenFlow controllers behind Kafka, used as if there were one that never dies."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``faust -A flrouter`` takes the attribute ``app``, which is made when it is first asked for.

    So importing flrouter reads no settings and starts nothing.

    Raises:
        Failure: a setting is not valid.
    """
    if name == "app":
        from flrouter.app import create_app
        from flrouter.failure import load_settings
        from flrouter.faust_side.worker import tune

        tune()
        globals()["app"] = app = create_app(load_settings())
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
