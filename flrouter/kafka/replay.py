"""Replaying: reading partitions from here to there, and where partitions end. Both block."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import admin as administration

from flrouter.kafka.librdkafka import connection, reading
from flrouter.kafka.records import record_of
from flrouter.ports import Partition, Row
from flrouter.settings.model import Settings

#: records per look.
MAX_RECORDS = 20_000
#: s; how long nothing may come before it is given up.
PATIENCE_S = 10.0
#: s; how long brokers may take to say where partitions end.
ENDS_TIMEOUT_S = 5.0

#: untyped: its package does not export it as it should.
_latest: Any = administration.OffsetSpec.latest  # type: ignore[attr-defined]

log = logging.getLogger(__name__)


def replay(
    settings: Settings,
    starts: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    take: Callable[[Partition, Sequence[Row]], None],
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """Hand what lies between to `take`, in order per partition; whether all of it was read.

    An end is reached when the position has passed it: a last record may never come, where a
    transaction ended in a marker or compaction took it.
    """
    left = {at: end for at, end in ends.items() if starts[at] < end}
    if not left:
        return True
    consumer = Consumer(
        reading(settings)
        | {
            # From 0 on, what is gone was compacted or expired, and nobody misses it.
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": 4 << 20,
            "queued.max.messages.kbytes": 64 << 10,
        }
    )
    try:
        consumer.assign([TopicPartition(*at, starts[at]) for at in left])
        following = {at: starts[at] for at in left}
        until = time.monotonic() + PATIENCE_S
        while left and goes_on():
            first = consumer.poll(0.1)
            if first is None:
                if time.monotonic() > until:
                    log.warning("no records received from %s", next(iter(left)))
                    return False
                continue
            until = time.monotonic() + PATIENCE_S
            messages = [first, *consumer.consume(MAX_RECORDS - 1, 0)]
            _take(consumer, messages, following, left, take, embedded=settings.embedded)
        return not left
    finally:
        consumer.close()


def _take(
    consumer: Any,
    messages: Sequence[Any],
    following: dict[Partition, int],
    left: dict[Partition, int],
    take: Callable[[Partition, Sequence[Row]], None],
    *,
    embedded: bool,
) -> None:
    rows: dict[Partition, list[Row]] = {}
    broken: set[Partition] = set()
    reached: dict[Partition, int] = {}
    for message in messages:
        at = Partition(message.topic(), message.partition())
        error = message.error()
        if at not in left or at in broken:
            continue
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                reached[at] = message.offset()
            else:
                log.warning("reading %s: %s", at, error)
            continue
        record = record_of(message)
        if embedded and record.offset > following[at]:
            consumer.seek(TopicPartition(*at, following[at]))
            broken.add(at)
            continue
        following[at] = reached[at] = record.offset + 1
        if record.offset < left[at]:
            rows.setdefault(at, []).append(
                Row(record.offset, record.key, record.value, record.headers)
            )
    for at, more in rows.items():
        take(at, more)
    for at, position in reached.items():
        if at not in broken and position >= left[at]:
            del left[at]


def ends(settings: Settings, partitions: Collection[Partition]) -> dict[Partition, int] | None:
    """Where partitions end, asked once (:meth:`Ends.ask`)."""
    return Ends(settings).ask(partitions)


class Ends:
    """Asks where partitions end, again and again over one connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Any = None

    def ask(self, partitions: Collection[Partition]) -> dict[Partition, int] | None:
        """The offset after the last record of each; None when somebody does not answer. Blocks."""
        if not partitions:
            return {}
        with self._lock:
            if self._client is None:
                self._client = administration.AdminClient(connection(self._settings))
        asked = self._client.list_offsets(
            {TopicPartition(*at): _latest() for at in partitions},
            request_timeout=ENDS_TIMEOUT_S,
        )
        listed: dict[Partition, int] = {}
        for partition, answer in asked.items():
            try:
                listed[Partition(partition.topic, partition.partition)] = answer.result().offset
            except Exception as error:  # noqa: BLE001 - however it fails, nobody told
                log.warning("cannot see the end of %s: %s", partition.topic, error)
                return None
        return _seen(self._settings, listed) if self._settings.embedded else listed


def _seen(settings: Settings, listed: Mapping[Partition, int]) -> dict[Partition, int] | None:
    """Where partitions end on the embedded broker.

    What it lists is too low where a last batch holds more than one record, so they are read.
    """
    ends = {at: end for at, end in listed.items() if end == 0}
    unseen = {at: end - 1 for at, end in listed.items() if end > 0}
    if not unseen:
        return ends
    consumer: Any = Consumer(reading(settings))
    try:
        consumer.assign([TopicPartition(*at, begin) for at, begin in unseen.items()])
        until = time.monotonic() + ENDS_TIMEOUT_S
        while unseen and time.monotonic() < until:
            message = consumer.poll(0.1)
            error = message.error() if message is not None else None
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                at = Partition(message.topic(), message.partition())
                if unseen.pop(at, None) is not None:
                    ends[at] = message.offset()
    finally:
        consumer.close()
    return ends if not unseen else None
