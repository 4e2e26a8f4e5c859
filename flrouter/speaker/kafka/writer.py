"""The one producer of an FL, and what it remembers of writes that failed.

Records wait in a lane per partition, with one batch of each lane on its way at a time: so the
order within a partition holds whatever fails, and under load batches grow by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from aiokafka.partitioner import murmur2
from mode import Service

from flrouter.messages.headers import TRACE
from flrouter.speaker.counts import Counts
from flrouter.speaker.kafka.connection import Connection
from flrouter.speaker.options import SpeakerOptions

log = logging.getLogger(__name__)

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_RETRY_DELAY_S = 0.1


class _Record:
    __slots__ = ("event", "failed", "headers", "key", "told", "value")

    def __init__(
        self,
        key: bytes | None,
        value: bytes,
        event: bool,
        told: Callable[[bool], None] | None,
        headers: list[tuple[str, bytes]],
    ) -> None:
        self.key = key
        self.value = value
        self.headers = headers
        self.event = event
        self.told = told
        self.failed = False


class _Lane:
    """The records for one partition."""

    __slots__ = ("failing", "partition", "queue", "singly", "wake")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.queue: deque[_Record] = deque()
        self.wake = asyncio.Event()
        self.failing = False
        #: records to send one by one, to find the one that the broker refuses.
        self.singly = 0


class _Link:
    """A producer, and the news that it is gone for good."""

    __slots__ = ("gone", "producer")

    def __init__(self, producer: Any) -> None:
        self.producer = producer
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def retire(self, timeout: float) -> None:
        """Let what it holds be delivered, within `timeout` seconds, and close it."""
        await _close(self.producer, timeout)
        if not self.gone.done():
            self.gone.set_result(None)


class Writer(Service):  # type: ignore[misc]  # mode's types do not hold under --strict
    """Sends an FL's messages; counts those that failed until somebody has been told.

    An answer that fails is given up: its requester has been told, and a duplicate of the request
    gets it again. An event that fails is held and sent when the connection is found again.
    """

    def __init__(
        self,
        options: SpeakerOptions,
        connection: Connection,
        partitions: int,
        counts: Counts,
        **kwargs: Any,
    ) -> None:
        self._options = options
        self._connection = connection
        self._count = partitions
        self._counts = counts
        self._topic = options.writes
        self._headers = options.record_headers
        self._timeout_s = options.write_timeout_ms / 1000
        #: write with null keys to random partitions, as a careless FL would.
        self.scattered = False
        self._cut = False
        self._queued = 0
        self._reported = 0
        self._link: _Link
        self._lanes: list[_Lane] = []
        self._renewing = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()
        super().__init__(**kwargs)

    # -- sending

    def home(self, key: bytes) -> int:
        """The partition where Kafka's own default partitioner puts `key`."""
        return _home(key, self._count)

    def send(
        self,
        key: bytes,
        value: bytes,
        partition: int | None = None,
        *,
        event: bool = False,
        told: Callable[[bool], None] | None = None,
        traceparent: bytes = b"",
    ) -> None:
        """Queue a record. Never blocks; see `room`.

        It goes to `partition`, or else to the key's home. An `event` is held while Kafka cannot be
        reached, anything else given up. `told` is called once, with whether Kafka has it.
        """
        headers = [*self._headers, (TRACE, traceparent)] if traceparent else self._headers
        if self.scattered:
            record = _Record(None, value, event, told, headers)
            partition = random.randrange(self._count)
        else:
            record = _Record(key, value, event, told, headers)
            if partition is None:
                partition = _home(key, self._count)
        lane = self._lanes[partition]
        if lane.failing and self._queued >= self._options.hold and lane.queue:
            self._give_up(lane.queue.popleft())
        lane.queue.append(record)
        self._queued += 1
        self._idle.clear()
        lane.wake.set()

    async def room(self) -> None:
        """Wait while more than the settings' `hold` records are queued."""
        while self._queued > self._options.hold:
            self._less.clear()
            await self._less.wait()

    async def flush(self, timeout: float) -> bool:
        """Wait until nothing is queued, at most `timeout` seconds; says whether that is so."""
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    # -- the trace of failed writes

    @property
    def failures(self) -> int:
        """Failed writes since the last report that was delivered."""
        return self._counts.write_failures - self._reported

    def reporter(self) -> Callable[[bool], None]:
        """To be called when a message with the current `failures` is delivered, or is not."""
        upto = self._counts.write_failures

        def told(delivered: bool) -> None:
            if delivered:
                self._reported = max(self._reported, upto)

        return told

    # -- faults

    def cut(self) -> None:
        """Let every write fail until `restore`, as if the network were gone."""
        self._cut = True
        self._restored.clear()

    def restore(self) -> None:
        """End a `cut`; held events go out."""
        self._cut = False
        self._restored.set()

    def discard(self) -> None:
        """Forget all that is queued, as a crash would."""
        for lane in self._lanes:
            lane.queue.clear()
        self._queued = 0
        self._idle.set()
        self._less.set()

    # -- life

    async def on_start(self) -> None:
        """Connect, and begin to send."""
        self._less = asyncio.Event()
        self._restored = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._lanes = [_Lane(partition) for partition in range(self._count)]
        self._link = await self._connect()
        for lane in self._lanes:
            self.add_future(self._drain(lane))

    async def on_shutdown(self) -> None:
        """Disconnect; what is on its way may still arrive."""
        for task in self._retired:
            task.cancel()
        delivered = self._idle.is_set()
        await self._link.retire(self._options.stop_timeout_s if delivered else _RETRY_DELAY_S)

    async def _connect(self) -> _Link:
        while True:
            producer = AIOKafkaProducer(**self._connection.producer)
            try:
                await producer.start()
                await producer.partitions_for(self._topic)
                return _Link(producer)
            except KafkaError as error:
                log.warning("cannot write to %s: %r", self._topic, error)
                await _close(producer, _RETRY_DELAY_S)
            await asyncio.sleep(_RETRY_DELAY_S)

    # -- one lane

    async def _drain(self, lane: _Lane) -> None:
        while True:
            if not lane.queue:
                await lane.wake.wait()
            lane.wake.clear()
            if not lane.queue:
                continue
            if self._cut:
                batch = list(lane.queue)
                lane.queue.clear()
                error: Exception | None = KafkaConnectionError("cut off")
            else:
                batch, error = await self._write(lane)
            if error is None:
                lane.failing = False
                self._done(batch, delivered=True)
                continue
            self._failed(lane, batch, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_DELAY_S):
                    await self._restored.wait()

    async def _write(self, lane: _Lane) -> tuple[list[_Record], Exception | None]:
        link = self._link
        producer = link.producer
        builder = producer.create_batch()
        batch: list[_Record] = []
        queue = lane.queue
        while queue:
            record = queue[0]
            if not _append(builder, record):
                break
            batch.append(queue.popleft())
            if lane.singly:
                lane.singly -= 1
                break
        try:
            delivery = await producer.send_batch(builder, self._topic, partition=lane.partition)
            await asyncio.wait([delivery], timeout=self._timeout_s)
            if not delivery.done():
                # An idempotent producer never gives up, and nothing may overtake what it holds;
                # but the router should hear that this FL had trouble.
                self._count_failures(batch)
                await asyncio.wait([delivery, link.gone], return_when=asyncio.FIRST_COMPLETED)
            if not delivery.done():
                raise ProducerClosed
            delivery.result()
        except KafkaError as error:
            if not self._connection.embedded:
                await self._renew(link)
            return batch, error
        return batch, None

    def _failed(self, lane: _Lane, batch: list[_Record], error: Exception) -> None:
        if not lane.failing:
            log.warning("writing to partition %d failed: %r", lane.partition, error)
        lane.failing = True
        if isinstance(error, _TOO_LARGE) and len(batch) > 1:
            lane.singly = len(batch)
            lane.queue.extendleft(reversed(batch))
            return
        self._count_failures(batch)
        hopeless = isinstance(error, (*_TOO_LARGE, InvalidTopicError))
        held = [record for record in batch if record.event and not hopeless]
        lane.queue.extendleft(reversed(held))
        gone = [record for record in batch if not record.event or hopeless]
        self._counts.lost += len(gone)
        self._done(gone, delivered=False)

    def _give_up(self, record: _Record) -> None:
        self._count_failures([record])
        self._counts.lost += 1
        self._done([record], delivered=False)

    def _count_failures(self, records: list[_Record]) -> None:
        for record in records:
            if not record.failed:
                record.failed = True
                self._counts.write_failures += 1

    def _done(self, records: list[_Record], delivered: bool) -> None:
        self._queued -= len(records)
        if delivered:
            self._counts.written += len(records)
        self._less.set()
        if self._queued <= 0:
            self._idle.set()
        for record in records:
            if record.told is not None:
                record.told(delivered)

    async def _renew(self, broken: _Link) -> None:
        """Replace an idempotent producer that lost a batch: it has a gap in its sequence now."""
        async with self._renewing:
            if self._link is not broken:
                return
            task = asyncio.create_task(broken.retire(self._timeout_s))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
            self._link = await self._connect()


def _append(builder: Any, record: _Record) -> bool:
    """Put a record into a batch; False when it is full."""
    key, value, headers = record.key, record.value, record.headers
    return builder.append(timestamp=None, key=key, value=value, headers=headers) is not None


async def _close(producer: Any, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await producer.stop()
    except (TimeoutError, KafkaError):
        # aiokafka has no way to stop a producer that holds what it cannot deliver.
        if producer._sender.sender_task is not None:
            producer._sender.sender_task.cancel()
        await producer.client.close()


@lru_cache(maxsize=1 << 16)
def _home(key: bytes, partitions: int) -> int:
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
