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
    ProducerClosed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from flrouter.core.values.effects import Send
from flrouter.kafka.batches import TOO_LARGE, Limits, fill, producing
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.producer import Link
from flrouter.kafka.topics import forbidden, no_place, no_topic, number_of, too_large
from flrouter.ports import OffsetRange, Partition, Refusal, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: pauses before records are written again, and before a topic is asked for again.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0
#: when a producer has failed, how long what others gave it may take.
SETTLE_S = 1.0
#: how long brokers may take to list topics.
LOOK_TIMEOUT_S = 5.0

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
        self, settings: Settings, directory: Directory, is_own: Callable[[str], bool]
    ) -> None:
        """`is_own`: whether a topic is the router's or an FL's. Nothing for it is ever refused
        because brokers do not let us write: that is mended, and tried again.
        """
        self._settings = settings
        self._directory = directory
        self._is_own = is_own
        self._limits = Limits(settings)
        self._lanes: dict[tuple[str, int], _Lane] = {}
        #: the producer, as soon as it is connected.
        self._link: asyncio.Future[Link] | None = None
        #: topic that nobody knows → what waits until it is looked for, in this order.
        self._unknown: dict[str, list[tuple[list[Send], _Write]]] = {}
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
        if self._link is not None:
            await self._close(self._link, 0.0)
        await asyncio.gather(*self._closes)
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the port -----------------------------------------------------------------------------

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write records; `done` when each is durable or refused."""
        write = _Write(done)
        for topic, group in self._give(sends, write).items():
            write.left += 1
            waiting = self._unknown.get(topic)
            if waiting is None:
                waiting = self._unknown[topic] = []
                _begin(self._look(topic), self._looks)
            waiting.append((group, write))
        if not write.left:
            self._tell(write)

    def abandon(self) -> None:
        """What is not durable by now should not be written any more."""
        if self._lanes and self._link is not None and self._link.done():
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
            topic = send.topic
            number = number_of(self._directory, send)
            if number is None or topic in self._unknown:
                unknown.setdefault(topic, []).append(send)
            elif isinstance(number, Refusal):
                write.written.refused.append(number)
            elif self._limits.refuses(send):
                write.written.refused.append(too_large(send))
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

    async def _look(self, topic: str) -> None:
        """Ask for a topic that nobody knew; one of the router's own will be there again."""
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        await self._directory.look_again()
        while self._directory.known(topic) is None and self._is_own(topic):
            await asyncio.sleep(backoff.next_s())
            await self._directory.look_again()
        for sends, write in self._unknown.pop(topic):
            for unknown in self._give(sends, write).values():
                write.written.refused += map(no_topic, unknown)
            self._less(write)

    # -- writing ------------------------------------------------------------------------------

    async def _empty(self, lane: _Lane) -> None:
        """Write all that is in a lane."""
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        topic = lane.at.topic
        while lane.deliveries:
            link = self._link
            assert link is not None
            producer = await asyncio.shield(link)
            batch = producer.batch()
            groups: list[Sequence[Send]] = []
            try:
                groups = self._fill(batch, lane)
                first = await producer.deliver(batch, lane.at)
            except TOO_LARGE:
                self._renew(link)
                if self._limits.note(topic, batch, [send for group in groups for send in group]):
                    self._refuse(lane, groups, too_large)
            except Exception as error:  # noqa: BLE001 - a lane that ended would take more, and write none
                if not isinstance(error, UnknownTopicOrPartitionError):
                    # The failed batch has numbers that an idempotent producer does not give again.
                    self._renew(link)
                await self._failed(lane, groups, error, backoff)
            else:
                backoff.reset()
                for group in groups:
                    self._durable(lane, first, len(group))
                    first += len(group)
        # A topic that is written to once should leave nothing behind.
        del self._lanes[lane.at]

    def _fill(self, batch: Any, lane: _Lane) -> list[Sequence[Send]]:
        """Fill a batch with what comes first in a lane: which records of each delivery."""
        limit = self._limits.batch(lane.at.topic)
        groups: list[Sequence[Send]] = []
        for delivery in lane.deliveries:
            count = fill(batch, delivery.sends, limit)
            if count:
                groups.append(delivery.sends[:count])
            if count < len(delivery.sends):
                break
        return groups

    def _durable(self, lane: _Lane, first: int, count: int) -> None:
        """So many records of what comes first in a lane are durable, and lie there."""
        delivery = lane.deliveries[0]
        ranges = delivery.write.written.ranges
        before = ranges.get(lane.at)
        if before is None:
            ranges[lane.at] = OffsetRange(first, first + count, count)
        else:
            ranges[lane.at] = OffsetRange(before.first, first + count, before.records + count)
        self._over(lane, delivery, count)

    def _over(self, lane: _Lane, delivery: _Delivery, count: int) -> None:
        if count < len(delivery.sends):
            del delivery.sends[:count]
        else:
            lane.deliveries.popleft()
            self._less(delivery.write)

    async def _failed(
        self, lane: _Lane, groups: Sequence[Sequence[Send]], error: Exception, backoff: Backoff
    ) -> None:
        """Refuse what no broker will ever take; else wait before all of it is written again."""
        topic = lane.at.topic
        if isinstance(error, TopicAuthorizationFailedError) and not self._is_own(topic):
            self._refuse(lane, groups, forbidden)
            return
        if isinstance(error, ProducerClosed):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                # A topic may be gone, or be another one by now.
                await self._directory.look()
        why = no_place(self._directory, lane.at)
        if why and not (self._is_own(topic) and self._directory.known(topic) is None):
            self._refuse(lane, groups, lambda send: Refusal(send, why, False))
            return
        log.warning(
            "records for %s not written, trying again: %r",
            lane.at,
            error,
            exc_info=None if isinstance(error, KafkaError) else error,
        )
        await asyncio.sleep(backoff.next_s())

    def _refuse(
        self, lane: _Lane, groups: Sequence[Sequence[Send]], refusal: Callable[[Send], Refusal]
    ) -> None:
        for group in groups:
            delivery = lane.deliveries[0]
            delivery.write.written.refused += map(refusal, group)
            self._over(lane, delivery, len(group))

    # -- producers ----------------------------------------------------------------------------

    async def _connect(self) -> Link:
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while True:
            try:
                # The embedded broker knows no idempotence (docs/embedded-broker.md).
                idempotent = not self._settings.embedded
                link = Link(**producing(self._settings), enable_idempotence=idempotent)
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
        self._unknown.clear()
        return tasks


def _begin(work: Coroutine[Any, Any, None], under_way: set[asyncio.Future[None]]) -> None:
    """Do something, which is in a set meanwhile."""
    task = asyncio.ensure_future(work)
    under_way.add(task)
    task.add_done_callback(under_way.discard)
