"""Orders that the command line writes to Kafka itself, as the history is told of them."""

from __future__ import annotations

import os
import socket

from flrouter.cli.kafka import producer
from flrouter.clock import now_ms
from flrouter.core.values.effects import Happening
from flrouter.history.record import said
from flrouter.kafka.librdkafka import writing
from flrouter.settings.model import Settings

#: s; how long brokers may take with it. No order fails because the history does not take it.
TIMEOUT_S = 2.0


def remember(settings: Settings, text: str, *, floodlight: str = "", result: str = "done") -> None:
    """Note what somebody ordered, who it was, and on which machine; nothing without a history."""
    if not settings.history:
        return
    who = os.environ.get("USER") or f"user {os.getuid()}"
    host = socket.gethostname()
    order = Happening(now_ms(), "order", floodlight, "", text, who, host, result)
    writer = producer(writing(settings))
    writer.produce(settings.history_topic, said(f"{host}:{os.getpid()}", order))
    writer.flush(TIMEOUT_S)
