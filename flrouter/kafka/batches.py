"""Batches: the records of one request for one partition, and how large they may be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from flrouter.core.values.effects import Headers, Send
from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.librdkafka import request_timeout_ms
from flrouter.kafka.records import as_headers
from flrouter.settings.model import Settings

#: of one batch; brokers take about 1 MB by default, and 100 MB in a request.
BATCH_BYTES = 128 * 1024
#: how long it is remembered what was too large for a topic.
LIMIT_S = 60.0
#: what brokers say of a batch that is more than its topic takes.
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def producing(settings: Settings) -> dict[str, Any]:
    """What a producer of the router's is told."""
    return {
        **connection(settings),
        "client_id": settings.app_id,
        "max_batch_size": BATCH_BYTES,
        "request_timeout_ms": request_timeout_ms(settings),
    }


def fill(batch: Any, sends: Sequence[Send], limit: int | None = None) -> int:
    """Put records into a batch; returns how many there was room for. A first one always has room.

    `limit` is in bytes, where the topic takes fewer than others.
    """
    append = batch.append
    headers: Headers = ()
    given = None
    for index, send in enumerate(sends):
        if limit and batch.record_count() and batch.size() + len(send.value or b"") > limit:
            return index
        if send.headers is not headers:  # all rows of a changelog have the same
            headers = send.headers
            given = as_headers(headers)
        if not append(timestamp=None, key=send.key, value=send.value, headers=given):
            return index
    return len(sends)


def _size(send: Send) -> int:
    """Bytes of all that a record says; a little more travels."""
    size = len(send.key or b"") + len(send.value or b"")
    for name, value in send.headers:
        size += len(name) + len(value or b"")
    return size


class Limits:
    """How large records and batches may be, by topic, as brokers said a moment ago."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_message_bytes + BATCH_BYTES
        self._records: dict[str, int] = {}
        self._batches: dict[str, int] = {}
        #: topic → forgets both, a minute after the last of them.
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def refuses(self, send: Send) -> bool:
        """Whether a record is as large as one that was too large for its topic."""
        limit = self._records.get(send.topic)
        if limit is None:  # as nearly always: all of it is not measured then
            return len(send.value or b"") >= self._max_bytes
        return _size(send) >= limit

    def batch(self, topic: str) -> int | None:
        """Bytes that a batch may have, where they are fewer than usual."""
        return self._batches.get(topic)

    def note(self, topic: str, batch: Any, sends: Sequence[Send]) -> Send | None:
        """A batch with these records was too large for a topic.

        Returns:
            The one record that is too large; None when smaller batches will tell which it is.
        """
        if len(sends) > 1:
            self._remember(self._batches, topic, batch.size() // 2)
            return None
        [alone] = sends
        self._remember(self._records, topic, _size(alone))
        return alone

    def _remember(self, limits: dict[str, int], topic: str, size: int) -> None:
        limits[topic] = size
        if topic in self._timers:
            self._timers[topic].cancel()
        self._timers[topic] = asyncio.get_running_loop().call_later(LIMIT_S, self._forget, topic)

    def _forget(self, topic: str) -> None:
        del self._timers[topic]
        self._records.pop(topic, None)
        self._batches.pop(topic, None)
