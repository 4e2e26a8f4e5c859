"""Records as librdkafka gives them, and headers as it can take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import TopicPartition

from flrouter.core.values.effects import Headers
from flrouter.ports import Partition, Record


def record_of(message: Any) -> Record:
    """A record of confluent-kafka's message, which must not be asked for its headers again."""
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):
        # A name is no UTF-8: librdkafka's Python half can give none of the headers then.
        headers = None
    timestamp = message.timestamp()[1]
    return Record(message.offset(), message.key(), message.value(), headers or (), timestamp)


def in_order(
    consumer: Any,
    messages: Iterable[Any],
    following: dict[Partition, int],
    heard: Callable[[Partition, Any, int], int],
    *,
    embedded: bool,
) -> dict[Partition, list[Record]]:
    """What a consumer took, by partition, of those that have a next offset in `following`.

    That goes on with what came. `heard` gets a partition, an error and its offset, and returns the
    next offset that follows from it, or -1.
    """
    records: dict[Partition, list[Record]] = {}
    broken: set[Partition] = set()
    at = Partition("", -1)
    for message in messages:
        # Those of one partition lie together.
        if message.partition() != at.number or message.topic() != at.topic:
            at = Partition(message.topic(), message.partition())
        error = message.error()
        if error is not None:
            offset = heard(at, error, message.offset())
            if at not in broken and offset > following.get(at, offset):
                following[at] = offset
                records.setdefault(at, [])
            continue
        if at not in following or at in broken:
            continue
        record = record_of(message)
        if embedded and record.offset != following[at]:
            # There are no gaps on that broker but those that it fills later.
            consumer.seek(TopicPartition(*at, following[at]))
            broken.add(at)
            continue
        following[at] = record.offset + 1
        mine = records.get(at)
        if mine is None:
            mine = records[at] = []
        mine.append(record)
    return records


def as_headers(headers: Headers) -> list[tuple[str, str | bytes | None]] | None:
    """Headers for `produce`, which takes no names that UTF-8 cannot say: it would crash."""
    if not headers:
        return None
    return [
        (name if name.isascii() else name.encode("utf-8", "replace").decode(), value)
        for name, value in headers
    ]
