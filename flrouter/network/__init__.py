"""The listener's side: a view of the whole network, kept from what flrouter reports.

It is an example to learn from and a part to use::

    faust -A flrouter.network worker      # then http://localhost:6066/ and …/network

Read it in this order:

========== ==================================================================================
`chains`   puts the links of a chain together, in whatever order they arrive
`reading`  reads news of a switch from events, notifications and the entries of a sync
`view`     what is known of a switch, and how news change it
`listener` what small applications beside the router have in common
`app`      the Faust application: topics, the table, a request for a sync
`pages`    the view as JSON and as a page
`faults`   fixes for bugs of Faust that would harm the view
========== ==================================================================================

The first three know neither Kafka nor a clock.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Create ``app`` on first use: ``faust -A flrouter.network`` reads this attribute."""
    if name == "app":
        from flrouter.failure import load_settings
        from flrouter.network.app import create_app

        globals()["app"] = app = create_app(load_settings())
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
