"""The writer: records go out in order, and whoever wrote them is told when they are durable.

Each partition has a lane, with one batch under way at a time: whatever fails, no record overtakes
another one of its partition. All batches for one broker travel in one request. A batch of which
nobody knows whether it is durable is written again, by another producer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from flrouter.core.values.effects import Headers, Send
from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.librdkafka import BATCH_BYTES, request_timeout_ms
from flrouter.kafka.producer import Link
from flrouter.kafka.records import as_headers
from flrouter.kafka.topics import Topics, forbidden, misplaced, no_topic, number_of
from flrouter.ports import Partition, Refusal, Span, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: pauses before records are written again, and before a topic is asked for again.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0
#: when a producer has failed, how long what others gave it may take.
SETTLE_S = 1.0
#: how long brokers may take to list topics.
LOOK_TIMEOUT_S = 5.0
#: how long a topic's limits of sizes are remembered.
LIMIT_S = 60.0
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Write:
    """One call of :meth:`Writer.write`."""

    done: Callable[[Written], None]
    #: how many deliveries are not over.
    left: int = 0
    written: Written = field(default_factory=Written)


@dataclass(slots=True, eq=False)
class _Delivery:
    """The records of one write that go to one partition, those that are not durable or refused."""

    write: _Write
    sends: list[Send] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Lane:
    """What is to be written to one partition, in this order."""

    at: Partition
    deliveries: deque[_Delivery] = field(default_factory=deque)
    task: asyncio.Future[None] | None = None


class Writer:
    """Writes what all shards of this worker say at least once."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        is_own: Callable[[str], bool] = lambda topic: False,
    ) -> None:
        """`is_own`: whether a topic is the router's or an FL's. Nothing for it is ever refused
        because brokers do not let us write: that is mended, and tried again.
        """
        self._settings = settings
        self._topics = topics
        self._is_own = is_own
        self._max_bytes = settings.max_message_bytes + BATCH_BYTES
        self._lanes: dict[tuple[str, int], _Lane] = {}
        #: the producer, as soon as it is connected.
        self._link: asyncio.Future[Link]
        #: topic → bytes of a record, or of a batch, that was too large a moment ago.
        self._record_limits: dict[str, int] = {}
        self._batch_limits: dict[str, int] = {}
        self._looks: set[asyncio.Future[None]] = set()
        self._closes: set[asyncio.Future[None]] = set()
        #: how often all was abandoned.
        self._term = 0
        self._loop: asyncio.AbstractEventLoop
        #: how often a producer was replaced.
        self.replaced = 0

    def start(self) -> None:
        """Connect. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._link = asyncio.ensure_future(self._connect())

    async def stop(self) -> None:
        """Disconnect; what is not durable is not told of."""
        tasks = self._forget()
        await asyncio.gather(self._close(self._link, 0.0), *self._closes)
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the port -----------------------------------------------------------------------------

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write records; `done` when each is durable or refused."""
        write = _Write(done)
        for topic, group in self._give(sends, write).items():
            write.left += 1
            _begin(self._look(topic, group, write), self._looks)
        if not write.left:
            self._tell(write)

    def abandon(self) -> None:
        """What is not durable by now should not be written any more."""
        if self._lanes and self._link.done():
            self._renew(self._link, settle_s=0.0)
        self._forget()

    def _less(self, write: _Write) -> None:
        """One delivery of a write is over."""
        write.left -= 1
        if not write.left:
            self._tell(write)

    def _tell(self, write: _Write) -> None:
        """Call `done` from the event loop: no lane may be in the middle of something then."""
        self._loop.call_soon(self._told, write, self._term)

    def _told(self, write: _Write, term: int) -> None:
        if term == self._term:
            write.done(write.written)

    # -- giving -------------------------------------------------------------------------------

    def _give(self, sends: Sequence[Send], write: _Write) -> dict[str, list[Send]]:
        """Put records into their lanes; returns those whose topic nobody knows, by topic."""
        deliveries: dict[tuple[str, int], _Delivery] = {}
        unknown: dict[str, list[Send]] = {}
        for send in sends:
            topic, value = send.topic, send.value
            number = number_of(self._topics, send)
            if number is None:
                unknown.setdefault(topic, []).append(send)
            elif isinstance(number, Refusal):
                write.written.refused.append(number)
            elif value and len(value) >= self._record_limits.get(topic, self._max_bytes):
                write.written.refused.append(_too_large(send))
            else:
                delivery = deliveries.get((topic, number))
                if delivery is None:
                    delivery = deliveries[topic, number] = _Delivery(write)
                delivery.sends.append(send)
        write.left += len(deliveries)
        for at, delivery in deliveries.items():
            lane = self._lanes.get(at)
            if lane is None:
                lane = self._lanes[at] = _Lane(Partition(*at))
            lane.deliveries.append(delivery)
            if lane.task is None:
                lane.task = asyncio.ensure_future(self._empty(lane))
        return unknown

    async def _look(self, topic: str, sends: list[Send], write: _Write) -> None:
        """Ask for a topic that nobody knew; one of the router's own will be there again."""
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        await self._topics.look_again()
        while self._topics.known(topic) is None and self._is_own(topic):
            await asyncio.sleep(backoff.next_s())
            await self._topics.look_again()
        for unknown in self._give(sends, write).values():
            write.written.refused += map(no_topic, unknown)
        self._less(write)

    # -- writing ------------------------------------------------------------------------------

    async def _empty(self, lane: _Lane) -> None:
        """Write all that is in a lane."""
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while lane.deliveries:
            link = self._link
            producer = await asyncio.shield(link)
            batch = producer.batch()
            counts: list[int] = []
            try:
                counts = self._fill(batch, lane)
                first = await producer.deliver(batch, lane.at)
            except Exception as error:  # noqa: BLE001 - a lane that ended would take more, and write none
                if not isinstance(error, UnknownTopicOrPartitionError):
                    # The failed batch has numbers that an idempotent producer does not give again.
                    self._renew(link)
                await self._failed(lane, batch.size(), counts, error, backoff)
            else:
                backoff.reset()
                for count in counts:
                    self._durable(lane, first, count)
                    first += count
        # A topic that is written to once should leave nothing behind.
        del self._lanes[lane.at]

    def _fill(self, batch: Any, lane: _Lane) -> list[int]:
        """Fill a batch with what comes first: how many records of each delivery."""
        append = batch.append
        headers: Headers = ()
        given = None
        limit = self._batch_limits.get(lane.at.topic)
        counts: list[int] = []
        for delivery in lane.deliveries:
            count = 0
            for send in delivery.sends:
                if limit and (count or counts) and batch.size() + len(send.value or b"") > limit:
                    return [*counts, count] if count else counts
                if send.headers is not headers:  # all rows of a changelog have the same
                    headers = send.headers
                    given = as_headers(headers)
                if not append(timestamp=None, key=send.key, value=send.value, headers=given):
                    return [*counts, count] if count else counts
                count += 1
            counts.append(count)
        return counts

    def _durable(self, lane: _Lane, first: int, count: int) -> None:
        """So many records of what comes first in a lane are durable, and lie there."""
        delivery = lane.deliveries[0]
        spans = delivery.write.written.spans
        before = spans.get(lane.at)
        if before is None:
            spans[lane.at] = Span(first, first + count, count)
        else:
            spans[lane.at] = Span(before.first, first + count, before.records + count)
        self._over(lane, delivery, count)

    def _over(self, lane: _Lane, delivery: _Delivery, count: int) -> None:
        if count < len(delivery.sends):
            del delivery.sends[:count]
        else:
            lane.deliveries.popleft()
            self._less(delivery.write)

    async def _failed(
        self, lane: _Lane, size: int, counts: Sequence[int], error: Exception, backoff: Backoff
    ) -> None:
        """Refuse what no broker will ever take; else wait before all of it is written again."""
        topic, first = lane.at.topic, lane.deliveries[0].sends[0]
        if isinstance(error, TOO_LARGE):
            if sum(counts) > 1:  # which of them it is, smaller batches tell
                self._remember(self._batch_limits, topic, size // 2)
            else:
                self._remember(self._record_limits, topic, len(first.value or b""))
                self._refuse(lane, 1, _too_large)
            return
        if isinstance(error, TopicAuthorizationFailedError) and not self._is_own(topic):
            for count in counts:
                self._refuse(lane, count, forbidden)
            return
        if isinstance(error, ProducerClosed):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                # A topic may be gone, or be another one by now.
                await self._topics.look()
        why = misplaced(self._topics, lane.at)
        if why or (self._topics.known(topic) is None and not self._is_own(topic)):
            for count in counts:
                self._refuse(lane, count, lambda send: _no_place(send, why))
            return
        log.warning(
            "records for %s not written, trying again: %r",
            lane.at,
            error,
            exc_info=None if isinstance(error, KafkaError) else error,
        )
        await asyncio.sleep(backoff.next_s())

    def _refuse(self, lane: _Lane, count: int, refusal: Callable[[Send], Refusal]) -> None:
        delivery = lane.deliveries[0]
        delivery.write.written.refused += map(refusal, delivery.sends[:count])
        self._over(lane, delivery, count)

    def _remember(self, limits: dict[str, int], topic: str, size: int) -> None:
        limits[topic] = size
        self._loop.call_later(LIMIT_S, limits.pop, topic, None)

    # -- producers ----------------------------------------------------------------------------

    async def _connect(self) -> Link:
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while True:
            try:
                link = Link(
                    **connection(self._settings),
                    client_id=self._settings.app_id,
                    # The embedded broker knows none (docs/embedded-broker.md).
                    enable_idempotence=not self._settings.embedded,
                    max_batch_size=BATCH_BYTES,
                    request_timeout_ms=request_timeout_ms(self._settings),
                    metadata_max_age_ms=30_000,
                )
                await link.open()
            except Exception as error:  # noqa: BLE001 - also of a certificate that is being replaced
                log.warning("cannot write, trying again: %r", error)
            else:
                return link
            await asyncio.sleep(backoff.next_s())

    def _renew(self, link: asyncio.Future[Link], settle_s: float = SETTLE_S) -> None:
        """Write with another producer from now on."""
        if link is self._link:
            self.replaced += 1
            self._link = asyncio.ensure_future(self._connect())
            _begin(self._close(link, settle_s), self._closes)

    async def _close(self, link: asyncio.Future[Link], settle_s: float) -> None:
        if not link.done():
            link.cancel()
            await asyncio.wait([link])
        if not link.cancelled():
            await link.result().close(settle_s)

    def _forget(self) -> list[asyncio.Future[None]]:
        """End all that is being done for writes; returns what ends."""
        self._term += 1
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        tasks += self._looks
        for task in tasks:
            task.cancel()
        self._lanes.clear()
        return tasks


def _begin(work: Coroutine[Any, Any, None], under_way: set[asyncio.Future[None]]) -> None:
    """Do something, which is in a set meanwhile."""
    task = asyncio.ensure_future(work)
    under_way.add(task)
    task.add_done_callback(under_way.discard)


def _too_large(send: Send) -> Refusal:
    return Refusal(send, "Broker: Message size too large.", True)


def _no_place(send: Send, why: str) -> Refusal:
    return Refusal(send, why, False) if why else no_topic(send)
