"""The writer: records go out in order, and whoever wrote them is told when they are durable.

The only proof of that is librdkafka's callback for each record. It runs in a thread that polls;
what it finds out comes to the event loop once per poll. When a record fails, all behind it fail
too: the producer is replaced, and all that is not durable is sent again, in order. What was under
way to a broker by then is waited for first, as it would stand there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from flrouter.core.values.effects import Headers, Send
from flrouter.kafka.librdkafka import writing
from flrouter.kafka.records import as_headers
from flrouter.kafka.topics import (
    NO_TOPIC,
    TOO_LARGE,
    Topics,
    forbidden,
    misplaced,
    no_topic,
    number_of,
    too_large,
)
from flrouter.ports import Partition, Refusal, Span, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: of the session timeout: after so long without anything durable the producer is replaced.
GIVE_UP_SILENT = 0.5
#: of the session timeout: the same for one record, though others are durable. It is far less than
#: librdkafka's own timeout (`MESSAGE_TIMEOUT`), after which later records could overtake.
GIVE_UP_LATE = 0.7
#: pauses before a producer that failed is replaced, and before a topic is asked for again.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0
#: when a producer has failed, how long to wait for the next of its records in flight.
SETTLE_S = 1.0
#: how long brokers may take to list topics.
LOOK_TIMEOUT_S = 5.0
#: how long a topic's limit of a record's size is remembered.
LIMIT_S = 60.0
#: how long a poll may wait for something to happen.
POLL_S = 0.5

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Write:
    """One call of :meth:`Writer.write`."""

    done: Callable[[Written], None]
    left: int = 0
    written: Written = field(default_factory=Written)


@dataclass(slots=True, eq=False)
class _Delivery:
    """The records of one write that go to one partition, until all are durable or refused."""

    at: Partition
    write: _Write
    #: deliveries are written in this order.
    number: int
    #: those that are not known to be durable or refused.
    sends: list[Send] = field(default_factory=list)
    #: s of the loop's clock: when a producer was given them.
    since: float = 0.0
    #: the one in flight.
    attempt: _Attempt | None = None


@dataclass(slots=True, eq=False)
class _Attempt:
    """One try to write a delivery; what is heard of it comes in a thread, in the records' order."""

    delivery: _Delivery
    line: _Line
    #: how many records the producer took; -1 until it was given all.
    given: int = -1
    #: of how many it is known what became of them.
    came: int = 0
    #: the messages that came first and last of those that are durable.
    first: Any = None
    last: Any = None
    #: which records failed, and why.
    errors: list[tuple[int, Any]] = field(default_factory=list)

    def delivered(self, error: Any, message: Any) -> None:
        """One of them is durable, or not."""
        if error is None:
            self.last = message
            if self.first is None:
                self.first = message
        else:
            self.errors.append((self.came, error))
        self.came += 1
        if self.came == self.given:
            self.line.over.append(self)

    @property
    def durable(self) -> int:
        """How many of the first ones are durable for certain."""
        return self.errors[0][0] if self.errors else self.came


class _Line:
    """A producer, and the thread that hears of what becomes of its records."""

    def __init__(self, configuration: dict[str, Any], heard: Callable[[_Line], None]) -> None:
        self.producer = Producer(configuration)
        #: attempts that are over.
        self.over: deque[_Attempt] = deque()
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._poll, name="flrouter-writer", daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._closing:
            self.producer.poll(POLL_S)
            if self.over:
                try:
                    self._loop.call_soon_threadsafe(self._heard, self)
                except RuntimeError:  # the loop is closed: nobody listens any more
                    break
        del self.producer  # in this thread, as it waits for librdkafka's

    def hold(self) -> None:
        """Send nothing more; what is under way is heard of."""
        self.producer.purge(in_queue=True, in_flight=False, blocking=False)

    def close(self) -> None:
        """End the thread, and forget what is under way."""
        if not self._closing:
            self.producer.purge(in_queue=True, in_flight=True, blocking=False)
            self._closing = True


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
        self._configuration = writing(settings)
        self._topics = topics
        self._is_own = is_own
        self._line: _Line | None = None
        self._numbers = itertools.count()
        #: all that is not durable, in the order in which it is to be written.
        self._deliveries: dict[_Delivery, None] = {}
        #: the producer has failed, and is not yet replaced.
        self._replacing = False
        #: partition → number of the first delivery that has failed there since.
        self._failed: dict[Partition, int] = {}
        #: set whenever something is heard of records.
        self._news = asyncio.Event()
        #: s of the loop's clock: when something became durable last.
        self._durable_at = 0.0
        #: travel record by record, until it is known which is too large. Others wait for them.
        self._careful: set[_Delivery] = set()
        #: topic → size in bytes of a record that was too large a moment ago.
        self._limits: dict[str, int] = {}
        self._max_bytes: int = self._configuration["message.max.bytes"]
        self._looks: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._replacement: asyncio.Future[None] | None = None
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._watch: asyncio.TimerHandle | None = None
        #: how often a producer was replaced.
        self.replaced = 0

    def start(self) -> None:
        """Connect. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._line = _Line(self._configuration, self._heard)
        self._look_at_time()

    def stop(self) -> None:
        """Disconnect; what is not durable is not told of."""
        self.abandon()
        if self._replacement is not None:
            self._replacement.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._line is not None:
            self._line.close()
            self._line = None

    # -- the port -----------------------------------------------------------------------------

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write records; `done` when each is durable or refused."""
        write = _Write(done)
        for topic, group in self._give(sends, write).items():
            write.left += 1
            look = asyncio.ensure_future(self._look(topic, group, write))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        if not write.left:
            self._loop.call_soon(done, write.written)

    def abandon(self) -> None:
        """What is not durable by now should not be written any more."""
        for look in self._looks:
            look.cancel()
        self._careful.clear()
        if self._deliveries and self._line is not None:
            self._deliveries.clear()
            self._replace(self._line, at_once=True)
            self._line.close()

    # -- giving -------------------------------------------------------------------------------

    def _give(self, sends: Sequence[Send], write: _Write) -> dict[str, list[Send]]:
        """Give records to the producer; returns those whose topic nobody knows, by topic."""
        deliveries: dict[tuple[str, int], _Delivery] = {}
        unknown: dict[str, list[Send]] = {}
        for send in sends:
            number = number_of(self._topics, send)
            if number is None:
                unknown.setdefault(send.topic, []).append(send)
            elif isinstance(number, Refusal):
                write.written.refused.append(number)
            else:
                delivery = deliveries.get((send.topic, number))
                if delivery is None:
                    at = Partition(send.topic, number)
                    delivery = deliveries[at] = _Delivery(at, write, next(self._numbers))
                delivery.sends.append(send)
        write.left += len(deliveries)
        for delivery in deliveries.values():
            delivery.since = self._loop.time()
            self._deliveries[delivery] = None
            if not self._replacing and not self._careful:
                self._produce(delivery)
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

    def _produce(self, delivery: _Delivery) -> None:
        line = self._line
        assert line is not None
        attempt = delivery.attempt = _Attempt(delivery, line)
        produce, delivered = line.producer.produce, attempt.delivered
        topic, number = delivery.at
        limit = self._limits.get(topic, self._max_bytes)
        refused: dict[int, Refusal] = {}
        headers: Headers = ()
        given = None  # all rows of a changelog have the same
        for send in delivery.sends:
            value = send.value
            if value is not None and len(value) >= limit:
                refused[id(send)] = Refusal(send, "Broker: Message size too large.", True)
                continue
            if send.headers is not headers:
                headers = send.headers
                given = as_headers(headers)
            try:
                # By position: names would make it a third dearer.
                produce(topic, value, send.key, number, delivered, None, 0, given)
            except KafkaException as error:
                if error.args[0].code() not in TOO_LARGE:
                    log.warning("the producer takes nothing more: %s", error)
                    self._loop.call_soon(self._replace, line)
                    break
                refused[id(send)] = too_large(send, error.args[0])
        if refused:
            delivery.write.written.refused += refused.values()
            delivery.sends = [send for send in delivery.sends if id(send) not in refused]
        attempt.given = len(delivery.sends)
        if attempt.came == attempt.given:  # none was taken, or all have come meanwhile
            self._loop.call_soon(self._over, attempt)

    # -- hearing ------------------------------------------------------------------------------

    def _heard(self, line: _Line) -> None:
        """Attempts are over."""
        while line.over:
            self._over(line.over.popleft())
        self._news.set()

    def _over(self, attempt: _Attempt) -> None:
        delivery = attempt.delivery
        if delivery.attempt is not attempt or delivery not in self._deliveries:
            return  # it was abandoned, or tried again
        if self._overtook(delivery):
            delivery.attempt = None
        elif attempt.errors:
            self._sort(delivery, attempt)
        else:
            self._durable(delivery, attempt, len(delivery.sends))

    def _durable(self, delivery: _Delivery, attempt: _Attempt, count: int) -> None:
        """All that is left of a delivery is durable, so many records."""
        del self._deliveries[delivery]
        delivery.attempt = None
        self._durable_at = self._loop.time()
        if count:
            self._backoff.reset()
        if attempt.first is not None:
            first, end = attempt.first.offset(), attempt.last.offset() + 1
            spans = delivery.write.written.spans
            before = spans.get(delivery.at)
            if before is not None:
                first, count = before.first, count + before.records
            spans[delivery.at] = Span(first, end, count)
        self._less(delivery.write)
        if self._careful:
            self._careful.discard(delivery)
            if not self._careful:
                self._replace(self._line, at_once=True)

    def _less(self, write: _Write) -> None:
        write.left -= 1
        if not write.left:
            write.done(write.written)

    def _sort(self, delivery: _Delivery, attempt: _Attempt) -> None:
        """Some records are not durable: refuse those that never will be, try again with others."""
        for index, error in attempt.errors:
            send = delivery.sends[index]
            if error.code() in TOO_LARGE:
                if not self._careful:
                    # All that travel with it get the same error.
                    self._try_again(delivery, index)
                    self._replace(attempt.line, at_once=True, carefully=True)
                    return
                self._limits[delivery.at.topic] = len(send.value or b"")
                self._loop.call_later(LIMIT_S, self._limits.pop, delivery.at.topic, None)
            refusal = self._refusal(send, error)
            if refusal is None:
                if not self._replacing:  # else it is known why
                    log.warning("records for %s not written, trying again: %s", delivery.at, error)
                self._try_again(delivery, index)
                self._replace(attempt.line)
                return
            delivery.write.written.refused.append(refusal)
        self._durable(delivery, attempt, len(delivery.sends) - len(attempt.errors))

    def _try_again(self, delivery: _Delivery, index: int) -> None:
        """Leave what is over before that record: what came after it may have overtaken it."""
        del delivery.sends[:index]
        delivery.attempt = None
        self._failed[delivery.at] = min(
            delivery.number, self._failed.get(delivery.at, delivery.number)
        )

    def _overtook(self, delivery: _Delivery) -> bool:
        """Whether an earlier record of its partition failed, which is to be written first."""
        return delivery.number > self._failed.get(delivery.at, delivery.number)

    def _refusal(self, send: Send, error: Any) -> Refusal | None:
        code = error.code()
        if code in TOO_LARGE:
            return too_large(send, error)
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED and not self._is_own(send.topic):
            return forbidden(send)
        if code in NO_TOPIC and not self._topics.known(send.topic):
            return no_topic(send)
        return None

    def _replace(
        self, line: _Line | None, *, at_once: bool = False, carefully: bool = False
    ) -> None:
        """Begin anew with another producer."""
        if self._replacing or line is None or line is not self._line:
            return
        self._replacing = True
        self.replaced += 1
        line.hold()
        pause_s = 0 if at_once else self._backoff.next_s()
        self._replacement = asyncio.ensure_future(
            self._begin_anew(line, pause_s, carefully=carefully)
        )

    async def _settled(self) -> None:
        """Wait for what is under way, as long as some of it arrives."""
        with contextlib.suppress(TimeoutError):
            while any(delivery.attempt is not None for delivery in self._deliveries):
                self._news.clear()
                await asyncio.wait_for(self._news.wait(), SETTLE_S)

    async def _begin_anew(self, line: _Line, pause_s: float, *, carefully: bool) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                # A topic may be gone, or be another one by now.
                await self._topics.look()
        await asyncio.sleep(pause_s)
        await self._settled()
        line.close()
        self._replacing = False
        self._careful = set(self._deliveries) if carefully else set()
        single = {"batch.num.messages": 1} if self._careful else {}
        self._line = _Line(self._configuration | single, self._heard)
        for delivery in list(self._deliveries):
            if delivery.attempt is not None and not self._overtook(delivery):
                del delivery.sends[: delivery.attempt.durable]
            delivery.since = self._loop.time()
            topic, refused = delivery.at.topic, delivery.write.written.refused
            if self._topics.known(topic) is None and not self._is_own(topic):
                refused += map(no_topic, delivery.sends)
                delivery.sends = []
            elif why := misplaced(self._topics, delivery.at):
                refused += [Refusal(send, why, False) for send in delivery.sends]
                delivery.sends = []
            self._produce(delivery)
        self._failed.clear()

    def _look_at_time(self) -> None:
        """Give up a producer that does not come forward."""
        timeout = self._settings.session_timeout
        self._watch = self._loop.call_later(timeout / 16, self._look_at_time)
        oldest = next(iter(self._deliveries), None)
        if oldest is None:
            return
        now = self._loop.time()
        silent = now - max(oldest.since, self._durable_at) > GIVE_UP_SILENT * timeout
        if silent or now - oldest.since > GIVE_UP_LATE * timeout:
            log.warning("nothing is heard of records for %s, trying again", oldest.at)
            self._replace(self._line)
