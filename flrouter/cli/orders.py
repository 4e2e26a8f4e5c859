"""Orders that the command line writes to Kafka itself, as the history is told of them."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from flrouter.clock import now_ms
from flrouter.core.values.effects import Happening
from flrouter.history.record import said
from flrouter.settings.model import Settings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

#: s; how long a broker may take with it.
TIMEOUT_S = 2.0


async def remember(
    producer: AIOKafkaProducer,
    settings: Settings,
    text: str,
    *,
    floodlight: str = "",
    result: str = "done",
    transactional: bool = False,
) -> None:
    """Note what somebody ordered, who it was, and on which machine; nothing without a history.

    No order fails because the history does not take it.

    Args:
        producer: to write with.
        settings: the router's.
        text: what was ordered.
        floodlight: of which FL.
        result: what came of it.
        transactional: whether the producer writes in transactions.
    """
    from aiokafka.errors import KafkaError

    if not settings.history:
        return
    who = os.environ.get("USER") or f"user {os.getuid()}"
    host = socket.gethostname()
    order = Happening(now_ms(), "order", floodlight, "", text, who, host, result)
    value = said(f"{host}:{os.getpid()}", order)
    with suppress(TimeoutError, KafkaError):
        async with (
            asyncio.timeout(TIMEOUT_S),
            producer.transaction() if transactional else nullcontext(),
        ):
            await producer.send_and_wait(settings.history_topic, value)
