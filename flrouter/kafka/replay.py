"""Replaying: reading partitions from here to there, and where partitions end. Both block."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its __all__ lacks one

from flrouter.kafka.librdkafka import connection, reading
from flrouter.kafka.records import in_order
from flrouter.ports import Offsets, Partition, TakeRows
from flrouter.settings.model import Settings

#: taken at once.
MAX_RECORDS = 20_000
#: how long nothing may come before it is given up.
PATIENCE_S = 10.0
#: how long brokers may take to say where partitions end.
ENDS_TIMEOUT_S = 5.0

_latest: Any = OffsetSpec.latest  # untyped

log = logging.getLogger(__name__)


def replay(
    settings: Settings,
    starts: Offsets,
    ends: Offsets,
    take: TakeRows,
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """Give the records between to `take`, in order per partition; whether all were read.

    An end is reached when the position has passed it: a last record may never come, where a
    transaction ended in a marker or compaction took it.
    """
    left = {at: end for at, end in ends.items() if starts[at] < end}
    if not left:
        return True

    def heard(at: Partition, error: Any, offset: int) -> int:
        if error.code() != KafkaError._PARTITION_EOF:
            log.warning("reading %s: %s", at, error)
            return -1
        # The embedded broker may show records that lie before it later.
        return -1 if settings.embedded and offset < left.get(at, offset) else offset

    consumer = Consumer(
        reading(settings)
        | {
            # What is gone at the beginning was compacted or expired: nothing is missing.
            "auto.offset.reset": "earliest",
            # Rows of a transaction that was aborted count for nothing, whatever the guarantee is by
            # now.
            "isolation.level": "read_uncommitted" if settings.embedded else "read_committed",
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
            came = in_order(consumer, messages, following, heard, embedded=settings.embedded)
            for at, records in came.items():
                if rows := [record for record in records if record.offset < left[at]]:
                    take(at, rows)
                if following[at] >= left[at]:
                    del left[at], following[at]
        return not left
    finally:
        consumer.close()


def ends(settings: Settings, partitions: Collection[Partition]) -> dict[Partition, int] | None:
    """Where partitions end, asked once (:meth:`Ends.ask`)."""
    return Ends(settings).ask(partitions)


class Ends:
    """Asks where partitions end, again and again over one connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: asked by several threads at once. A client that nobody holds never answers.
        self._making = threading.Lock()
        self._client: AdminClient | None = None

    def ask(self, partitions: Collection[Partition]) -> dict[Partition, int] | None:
        """The offset after the last record of each; None when a broker does not answer. Blocks."""
        if not partitions:
            return {}
        with self._making:
            if self._client is None:
                self._client = AdminClient(connection(self._settings))
        asked = self._client.list_offsets(
            {TopicPartition(*at): _latest() for at in partitions}, request_timeout=ENDS_TIMEOUT_S
        )
        listed: dict[Partition, int] = {}
        for partition, answer in asked.items():
            try:
                listed[Partition(partition.topic, partition.partition)] = answer.result().offset
            except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer
                log.warning("cannot see the end of %s: %s", partition.topic, error)
                return None
        return _seen(self._settings, listed) if self._settings.embedded else listed


def _seen(settings: Settings, listed: Offsets) -> dict[Partition, int] | None:
    """Where partitions end on the embedded broker.

    What it lists is too low where a last batch holds more than one record, so they are read.
    """
    ends = {at: end for at, end in listed.items() if end == 0}
    if len(ends) == len(listed):
        return ends
    consumer: Any = Consumer(reading(settings))
    try:
        consumer.assign([TopicPartition(*at, end - 1) for at, end in listed.items() if end > 0])
        until = time.monotonic() + ENDS_TIMEOUT_S
        while len(ends) < len(listed) and time.monotonic() < until:
            message = consumer.poll(0.1)
            error = message.error() if message is not None else None
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                ends[Partition(message.topic(), message.partition())] = message.offset()
    finally:
        consumer.close()
    return ends if len(ends) == len(listed) else None
