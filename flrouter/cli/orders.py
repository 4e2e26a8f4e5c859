"""Notes for the history on orders that the command line writes to Kafka itself."""

from __future__ import annotations

import os
import socket

from confluent_kafka import Producer

from flrouter.clock import now_ms
from flrouter.core.values.effects import Happening
from flrouter.history.record import said
from flrouter.kafka.librdkafka import writing
from flrouter.settings.model import Settings

#: s; time limit for writing a note. An order does not fail if its note cannot be written.
TIMEOUT_S = 2.0


def remember(settings: Settings, text: str, *, floodlight: str = "", result: str = "done") -> None:
    """Note an order, who gave it, and on which machine; does nothing without a history."""
    if not settings.history:
        return
    who = os.environ.get("USER") or f"user {os.getuid()}"
    host = socket.gethostname()
    order = Happening(now_ms(), "order", floodlight, "", text, who, host, result)
    writer = Producer(writing(settings))
    writer.produce(settings.history_topic, said(f"{host}:{os.getpid()}", order))
    writer.flush(TIMEOUT_S)
