"""The one producer of an FL, and its count of failed writes.

Records wait in a lane per partition, and each lane has at most one batch in flight. This keeps the
order within a partition whatever fails, and batches grow by themselves under load.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from mode import Service

from flrouter.core.values.home import partition_for
from flrouter.kafka.producer import Link
from flrouter.messages.headers import TRACE
from flrouter.ports import Partition
from flrouter.retry import Backoff
from flrouter.speaker.counts import Counts
from flrouter.speaker.kafka.connection import LONGEST_PAUSE_S, Connection, insist
from flrouter.speaker.options import SpeakerOptions

log = logging.getLogger(__name__)

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
#: errors that another attempt does not help: the broker is there, and refuses the record.
_REFUSALS = (*_TOO_LARGE, InvalidTopicError)
#: before the first retry of a write.
_FIRST_PAUSE_S = 0.1
#: for closing a producer that delivers nothing now.
_CLOSE_TIMEOUT_S = 0.1


@dataclass(slots=True, eq=False)
class _Record:
    key: bytes | None
    value: bytes
    event: bool
    told: Callable[[bool], None] | None
    headers: list[tuple[str, bytes]]
    #: whether the failure of this record was counted.
    failed: bool = False


@dataclass(slots=True, eq=False)
class _Lane:
    """The records for one partition."""

    partition: int
    queue: deque[_Record] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    failing: bool = False
    #: how many records to send one by one, to find the one that the broker refuses.
    singly: int = 0


class Writer(Service):  # type: ignore[misc]  # mode's types do not hold under --strict
    """Sends an FL's messages; counts failed writes until a report of them is delivered.

    An answer that fails is given up: its requester gets an error from the router, and a duplicate
    of the request gets the answer again. An event that fails is held, and retried until the
    connection is back.
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
        #: whether to write with null keys to random partitions, as a careless FL would.
        self.scattered = False
        self._cut = False
        self._queued = 0
        self._reported = 0
        self._link: Link
        self._lanes: list[_Lane] = []
        self._renewing = asyncio.Lock()
        super().__init__(**kwargs)

    # -- sending

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
        """Queue a record. Never blocks; see `at_most`.

        The record goes to `partition`, or else to the partition of its key. While Kafka cannot be
        reached, an `event` is held; any other record is given up. `told` is called once: with True
        when Kafka has acknowledged the record, with False when it is given up.
        """
        headers = [*self._headers, (TRACE, traceparent)] if traceparent else self._headers
        record = _Record(key, value, event, told, headers)
        if self.scattered:
            record.key, partition = None, random.randrange(self._count)
        elif partition is None:
            partition = partition_for(key, self._count)
        lane = self._lanes[partition]
        if lane.failing and self._queued >= self._options.hold and lane.queue:
            self._give_up([lane.queue.popleft()])
        lane.queue.append(record)
        self._queued += 1
        lane.wake.set()

    async def at_most(self, count: int) -> None:
        """Wait until no more than `count` records are queued."""
        while self._queued > count:
            self._fewer.clear()
            await self._fewer.wait()

    # -- the count of failed writes

    @property
    def failures(self) -> int:
        """Failed writes since the last report that was delivered."""
        return self._counts.write_failures - self._reported

    def reporter(self) -> Callable[[bool], None]:
        """A callback for a message that reports `failures`: takes whether it was delivered."""
        upto = self._counts.write_failures

        def told(delivered: bool) -> None:
            if delivered:
                self._reported = max(self._reported, upto)

        return told

    # -- faults

    def cut(self) -> None:
        """Let every write fail until `restore`, as if the network were gone."""
        self._cut = True

    def restore(self) -> None:
        """End a `cut`; held events go out."""
        self._cut = False
        self._restored.set()  # ends the pauses of now, and no later one
        self._restored.clear()

    def discard(self) -> None:
        """Forget all that is queued, as a crash would."""
        for lane in self._lanes:
            lane.queue.clear()
        self._queued = 0
        self._fewer.set()

    # -- life

    async def on_start(self) -> None:
        """Connect, and begin to send."""
        self._fewer = asyncio.Event()
        self._restored = asyncio.Event()
        self._lanes = [_Lane(partition) for partition in range(self._count)]
        self._link = await self._connect()
        for lane in self._lanes:
            self.add_future(self._drain(lane))

    async def on_shutdown(self) -> None:
        """Disconnect; records in flight may still arrive."""
        await self._link.close(_CLOSE_TIMEOUT_S)

    async def _connect(self) -> Link:
        return await insist(self._open, f"cannot write to {self._topic}")

    async def _open(self) -> Link:
        link = Link(**self._connection.producer)
        await link.open()
        return link

    # -- one lane

    async def _drain(self, lane: _Lane) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while True:
            while not lane.queue:
                lane.wake.clear()
                await lane.wake.wait()
            if self._cut:
                batch = list(lane.queue)
                lane.queue.clear()
                error: Exception | None = KafkaConnectionError("cut off")
            else:
                batch, error = await self._write(lane)
            if error is None:
                lane.failing = False
                backoff.reset()
                self._done(batch, delivered=True)
                continue
            self._failed(lane, batch, error)
            if isinstance(error, _REFUSALS):
                backoff.reset()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff.next_s()):
                    await self._restored.wait()

    async def _write(self, lane: _Lane) -> tuple[list[_Record], Exception | None]:
        builder = self._link.batch()
        batch: list[_Record] = []
        queue = lane.queue
        while queue:
            record = queue[0]
            key, value, headers = record.key, record.value, record.headers
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                break  # the batch is full
            batch.append(queue.popleft())
            if lane.singly:
                lane.singly -= 1
                break
        # An idempotent producer retries forever, and no record may overtake those that it holds.
        late = self.loop.call_later(self._timeout_s, self._overdue, lane, batch)
        try:
            await self._deliver(builder, Partition(self._topic, lane.partition))
        except KafkaError as error:
            return batch, error
        finally:
            late.cancel()
        return batch, None

    def _overdue(self, lane: _Lane, batch: list[_Record]) -> None:
        """Count the failure in time, so that the router hears of this FL's trouble."""
        if not lane.failing:
            log.warning("writing to partition %d takes over %s s", lane.partition, self._timeout_s)
        lane.failing = True  # what comes now is bounded
        self._count_failures(batch)

    async def _deliver(self, batch: Any, at: Partition) -> None:
        """Write a batch, as soon as there is a producer, and a broker leads its partition."""
        until_s = time.monotonic() + self._timeout_s
        while True:
            async with self._renewing:
                link = self._link
            try:
                await link.deliver(batch, at)
            except UnknownTopicOrPartitionError:  # nothing was sent
                if time.monotonic() >= until_s:
                    raise
            except KafkaError as error:
                # The embedded broker knows no idempotence: a batch that is lost leaves no gap.
                if not self._connection.embedded or isinstance(error, ProducerClosed):
                    await self._renew(link)
                raise
            else:
                return
            await asyncio.sleep(_FIRST_PAUSE_S)

    def _failed(self, lane: _Lane, batch: list[_Record], error: Exception) -> None:
        if not lane.failing:
            log.warning("writing to partition %d failed: %r", lane.partition, error)
        lane.failing = True
        if isinstance(error, _TOO_LARGE) and len(batch) > 1:
            lane.singly = len(batch)
            lane.queue.extendleft(reversed(batch))
            return
        self._count_failures(batch)
        hopeless = isinstance(error, _REFUSALS)
        held = [record for record in batch if record.event and not hopeless]
        lane.queue.extendleft(reversed(held))
        self._give_up([record for record in batch if not record.event or hopeless])

    def _give_up(self, records: list[_Record]) -> None:
        self._count_failures(records)
        self._counts.lost += len(records)
        self._done(records, delivered=False)

    def _count_failures(self, records: list[_Record]) -> None:
        for record in records:
            if not record.failed:
                record.failed = True
                self._counts.write_failures += 1

    def _done(self, records: list[_Record], delivered: bool) -> None:
        self._queued -= len(records)
        if delivered:
            self._counts.written += len(records)
        self._fewer.set()
        for record in records:
            if record.told is not None:
                record.told(delivered)

    async def _renew(self, broken: Link) -> None:
        """Replace a producer: it is closed, or has a gap in its sequence where a batch was lost."""
        async with self._renewing:
            if self._link is not broken:
                return
            self.add_future(broken.close(self._timeout_s))
            self._link = await self._connect()
