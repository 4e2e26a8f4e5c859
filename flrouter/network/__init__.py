"""The listener's side: a view of the whole network, kept from what flrouter reports.

It is an example to learn from and a part to use::

    faust -A flrouter.network worker      # then http://localhost:6066/ and …/network

Read it in this order:

========== ==================================================================================
`chains`   puts the links of a chain together, whatever way they arrive
`reading`  what events, notifications and the entries of a sync say of a switch
`view`     what is known of a switch, and how news change it
`listener` what small applications beside the router have in common
`app`      the Faust application: topics, the table, a request for a sync
`pages`    the view as JSON and as a page
`faults`   what Faust itself gets wrong, cured where the view would suffer
========== ==================================================================================

The first three know neither Kafka nor a clock.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """``faust -A flrouter.network`` takes the attribute ``app``; it is made when asked for."""
    if name == "app":
        import flrouter.faust_side.worker  # noqa: F401 - Faust takes it by its being there
        from flrouter.failure import load_settings
        from flrouter.network.app import create_app

        globals()["app"] = app = create_app(load_settings())
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
