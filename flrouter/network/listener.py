"""A small Faust application beside the router, configured by flrouter's settings."""

from __future__ import annotations

from flrouter.faust_side.base import BaseApp
from flrouter.network.faults import TableManager, Transport
from flrouter.settings.model import Settings


class Listener(BaseApp):
    """Reads what the router writes."""

    Transport = Transport

    def __init__(self, settings: Settings, name: str) -> None:
        """Args:
        settings: the router's.
        name: the suffix that its consumer group's name adds to the router's.
        """
        super().__init__(
            settings,
            f"{settings.app_id}-{name}",
            heartbeat_interval_s=3.0,
            broker_commit_interval=0.5,
            # The embedded broker reports a wrong end offset for batches of several records.
            producer_max_batch_size=1 if settings.embedded else 1 << 18,
            value_serializer="raw",
            TableManager=TableManager,
        )
