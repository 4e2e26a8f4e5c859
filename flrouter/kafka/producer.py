"""A producer of aiokafka's that can be given up. It sends one request to each broker, whatever
partitions that is for; librdkafka sends one for each partition (confluentinc/librdkafka#1700).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from flrouter.core.values.effects import Headers, Send
from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.librdkafka import request_timeout_ms
from flrouter.kafka.records import as_headers
from flrouter.ports import Offsets, Partition
from flrouter.settings.model import Settings

#: of one batch; brokers take about 1 MB by default, and 100 MB in a request.
BATCH_BYTES = 128 * 1024
#: how long brokers may take to tell of a partition that is new to a producer.
LOOK_TIMEOUT_S = 5.0
#: how often a producer asks which broker leads which partition.
METADATA_AGE_MS = 30_000
#: how long it is remembered what was too large for a topic.
LIMIT_S = 60.0


def producing(settings: Settings) -> dict[str, Any]:
    """What a producer is told."""
    return {
        **connection(settings),
        "client_id": settings.app_id,
        "max_batch_size": BATCH_BYTES,
        "request_timeout_ms": request_timeout_ms(settings),
        "metadata_max_age_ms": METADATA_AGE_MS,
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


class TooLarge(Exception):
    """A batch is more than its topic takes."""

    def __init__(self, topic: str, size: int, sends: Sequence[Send]) -> None:
        """`size` is the batch's, in bytes, which holds `sends`."""
        super().__init__(topic, size)
        self.topic = topic
        self.size = size
        self.sends = sends


class Limits:
    """How large records and batches may be, by topic, as brokers said a moment ago."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_message_bytes + BATCH_BYTES
        self._records: dict[str, int] = {}
        self._batches: dict[str, int] = {}

    def record(self, topic: str) -> int:
        """Bytes of a record's value from which on it is too large."""
        return self._records.get(topic, self._max_bytes)

    def batch(self, topic: str) -> int | None:
        """Bytes that a batch may have, where they are fewer than usual."""
        return self._batches.get(topic)

    def note(self, error: TooLarge) -> Send | None:
        """The one record that is too large; None when smaller batches will tell which it is."""
        if len(error.sends) > 1:
            self._remember(self._batches, error.topic, error.size // 2)
            return None
        [alone] = error.sends
        self._remember(self._records, error.topic, len(alone.value or b""))
        return alone

    def _remember(self, limits: dict[str, int], topic: str, size: int) -> None:
        limits[topic] = size
        asyncio.get_running_loop().call_later(LIMIT_S, limits.pop, topic, None)


class Link:
    """A producer. Give it one batch of a partition at a time."""

    def __init__(self, **arguments: Any) -> None:
        """`arguments` are those of :class:`aiokafka.AIOKafkaProducer`. Needs a running loop."""
        self._producer = AIOKafkaProducer(acks="all", **arguments)

    async def open(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        try:
            await self._producer.start()
        except BaseException:
            await self.close(0.0)
            raise

    def batch(self) -> Any:
        """A builder of a batch, to be filled."""
        return self._producer.create_batch()

    async def deliver(self, batch: Any, at: Partition, sends: Sequence[Send]) -> int:
        """Write a batch, which holds `sends`; returns the offset of its first record.

        Raises:
            TooLarge: for the topic.
            UnknownTopicOrPartitionError: there is no such partition.
            KafkaError: it is not known whether the batch is durable. An idempotent producer can
                write nothing more to its partition then.
        """
        client = self._producer.client
        leader, partition = client.cluster.leader_for_partition, TopicPartition(*at)
        if leader(partition) is None:
            # This asks for all topics: brokers may make one that is asked for by its name.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await client.force_metadata_update()
            if leader(partition) is None:
                raise UnknownTopicOrPartitionError
        delivery = await self._producer.send_batch(batch, at.topic, partition=at.number)
        try:
            offset: int = (await delivery).offset
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise TooLarge(at.topic, batch.size(), sends) from error
        if offset < 0:
            raise KafkaError("the broker does not tell where a batch lies")
        return offset

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._producer.begin_transaction()

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        """Commit these of a group with the transaction."""
        if offsets:
            positions = {TopicPartition(*at): offset for at, offset in offsets.items()}
            await self._producer.send_offsets_to_transaction(positions, group)

    async def commit(self) -> None:
        """Commit the transaction, all of which was delivered."""
        await self._producer.commit_transaction()

    async def close(self, timeout_s: float) -> None:
        """Deliver what is under way, as far as that is done within some time, and disconnect."""
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(timeout_s):
                await self._producer.stop()
        # aiokafka goes on and on with what no broker takes, and has no public way to end that.
        if (task := self._producer._sender.sender_task) is not None:
            task.cancel()
        self._producer._message_accumulator.fail_all(ProducerClosed())
        await self._producer.client.close()
