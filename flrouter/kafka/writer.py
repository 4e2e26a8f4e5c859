"""The writer: records go out in order, and whoever wrote them is told when they are durable.

The only proof of that is librdkafka's callback for each record. It runs in a thread that polls;
what it finds out comes to the event loop once per poll. Whatever fails fails with all behind it:
the producer is replaced, and all that is not durable is sent again, in order. What was under way to
a broker by then is waited for first, as it would stand there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from flrouter.core.values.effects import Send
from flrouter.core.values.home import partition_for
from flrouter.kafka.librdkafka import writing
from flrouter.kafka.records import as_headers
from flrouter.kafka.topics import NO_TOPIC, TOO_LARGE, Topics, misplaced
from flrouter.ports import Partition, Refusal, Span, Written
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: of the session timeout: when nothing became durable for so long, the producer is replaced.
GIVE_UP_SILENT = 0.5
#: of the session timeout: when a record is not durable by then, though others are. Earlier than
#: librdkafka's own time-out (`MESSAGE_TIMEOUT`), behind which later records could overtake.
GIVE_UP_LATE = 0.7
#: pauses before a producer that failed is replaced, and before a topic is asked for again.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0
#: s; what is under way when a producer fails is waited for as long as some of it arrives that soon.
SETTLE_S = 1.0
#: s; how long brokers may take to say which topics there are.
LOOK_TIMEOUT_S = 5.0
#: s; how long it is believed that a topic takes no larger records than it did.
LIMIT_S = 60.0
#: s; how long a poll may wait for something to happen.
POLL_S = 0.5

log = logging.getLogger(__name__)


class _Write:
    """One call of :meth:`Writer.write`."""

    __slots__ = ("done", "left", "written")

    def __init__(self, done: Callable[[Written], None]) -> None:
        self.done = done
        self.left = 0
        self.written = Written()


class _Delivery:
    """The records of one write that go to one partition, until all are durable or refused."""

    __slots__ = ("at", "attempt", "number", "sends", "since", "write")

    def __init__(self, at: Partition, write: _Write, number: int) -> None:
        self.at = at
        self.write = write
        #: deliveries are written in the order of their numbers.
        self.number = number
        #: those that are not over, as far as anybody knows.
        self.sends: list[Send] = []
        #: s of the loop's clock: when a producer was given them.
        self.since = 0.0
        #: the last time that one was; None when none has them now.
        self.attempt: _Attempt | None = None


class _Attempt:
    """One try to write a delivery; what is heard of it comes in a thread, in the records' order."""

    __slots__ = ("came", "delivery", "errors", "first", "given", "last", "line")

    def __init__(self, delivery: _Delivery, line: _Line) -> None:
        self.delivery = delivery
        self.line = line
        #: how many records the producer took; -1 until it was given all.
        self.given = -1
        #: of how many the fate is known.
        self.came = 0
        #: the messages that came first and last of those that are durable.
        self.first: Any = None
        self.last: Any = None
        #: which records failed, and why.
        self.errors: list[tuple[int, Any]] = []

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
        #: attempts whose fate is known.
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
        del self.producer  # here, where nobody minds that it waits for its threads

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
        """Args:
        settings: where the brokers are.
        topics: which topics there are.
        is_own: whether a topic is the router's or an FL's: nothing for it is ever refused because
            brokers do not let us write; that is mended, and tried again.
        """
        self._settings = settings
        self._configuration = writing(settings)
        self._topics = topics
        self._is_own = is_own
        self._line: _Line | None = None
        self._numbers = itertools.count()
        #: all that is not durable, in the order in which it is to be written.
        self._deliveries: dict[_Delivery, None] = {}
        #: a producer sends nothing more, and is not yet replaced.
        self._replacing = False
        #: where records failed meanwhile → the number of the first delivery with such a record.
        self._failed: dict[Partition, int] = {}
        #: set whenever something is heard of records.
        self._news = asyncio.Event()
        #: s of the loop's clock: when something became durable last.
        self._durable_at = 0.0
        #: those that travel one by one, until it is known which of them is too large. Others wait.
        self._careful: set[_Delivery] = set()
        #: topic → bytes that were too many for it a moment ago.
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
        unknown: dict[str, list[Send]] = {}
        self._give(self._grouped(sends, write, unknown))
        for topic, group in unknown.items():
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

    def _grouped(
        self, sends: Sequence[Send], write: _Write, unknown: dict[str, list[Send]]
    ) -> list[_Delivery]:
        """Sort records by where they go; those for topics that nobody knows go to `unknown`."""
        groups: dict[tuple[str, int], _Delivery] = {}
        for send in sends:
            number = send.partition
            if number is None:
                count = self._topics.known(send.topic)
                if count is None:
                    unknown.setdefault(send.topic, []).append(send)
                    continue
                number = partition_for(send.key, count)
            why = misplaced(self._topics, Partition(send.topic, number))
            if why:
                write.written.refused.append(Refusal(send, why, False))
                continue
            delivery = groups.get((send.topic, number))
            if delivery is None:
                delivery = _Delivery(Partition(send.topic, number), write, next(self._numbers))
                groups[send.topic, number] = delivery
            delivery.sends.append(send)
        write.left += len(groups)
        return list(groups.values())

    async def _look(self, topic: str, sends: list[Send], write: _Write) -> None:
        """Ask for a topic that nobody knew; one of the router's own will be there again."""
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        await self._topics.look_again()
        while self._topics.known(topic) is None and self._is_own(topic):
            await asyncio.sleep(backoff.next_s())
            await self._topics.look_again()
        if self._topics.known(topic) is None:
            write.written.refused += [
                Refusal(send, f"There is no topic {topic}.", False) for send in sends
            ]
        else:
            unknown: dict[str, list[Send]] = {}
            self._give(self._grouped(sends, write, unknown))
            write.written.refused += [
                Refusal(send, f"There is no topic {topic}.", False)
                for group in unknown.values()
                for send in group
            ]
        self._less(write)

    def _give(self, deliveries: Sequence[_Delivery]) -> None:
        """Take deliveries, and give them to the producer."""
        for delivery in deliveries:
            delivery.since = self._loop.time()
            self._deliveries[delivery] = None
            if not self._replacing and not self._careful:
                self._produce(delivery)

    def _produce(self, delivery: _Delivery) -> None:
        line = self._line
        assert line is not None
        attempt = delivery.attempt = _Attempt(delivery, line)
        produce, delivered = line.producer.produce, attempt.delivered
        topic, number = delivery.at
        limit = self._limits.get(topic, self._max_bytes)
        too_large: list[Send] = []
        for send in delivery.sends:
            try:
                if len(send.value or b"") >= limit:
                    too_large.append(send)
                    continue
                produce(
                    topic,
                    send.value,
                    send.key,
                    number,
                    on_delivery=delivered,
                    headers=as_headers(send.headers),
                )
            except KafkaException as error:
                if error.args[0].code() not in TOO_LARGE:
                    log.warning("the producer takes nothing more: %s", error)
                    self._loop.call_soon(self._replace, line)
                    break
                too_large.append(send)
        if too_large:
            delivery.write.written.refused += [
                Refusal(send, "Broker: Message size too large.", True) for send in too_large
            ]
            refused = set(map(id, too_large))
            delivery.sends = [send for send in delivery.sends if id(send) not in refused]
        attempt.given = len(delivery.sends)
        if attempt.came == attempt.given:  # none was taken; or all were heard of meanwhile
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
        refused: dict[int, Refusal] = {}
        for at, error in attempt.errors:
            send = delivery.sends[at]
            if error.code() in TOO_LARGE:
                if not self._careful:
                    # Of several that travel together nobody knows which it is.
                    self._try_again(delivery, attempt, at, refused)
                    self._replace(attempt.line, at_once=True, carefully=True)
                    return
                self._limits[delivery.at.topic] = len(send.value or b"")
                self._loop.call_later(LIMIT_S, self._limits.pop, delivery.at.topic, None)
            refusal = self._refusal(send, error)
            if refusal is None:
                if not self._replacing:  # else it is known why
                    log.warning("records for %s not written, trying again: %s", delivery.at, error)
                self._try_again(delivery, attempt, at, refused)
                self._replace(attempt.line)
                return
            refused[at] = refusal
        delivery.write.written.refused += refused.values()
        self._durable(delivery, attempt, len(delivery.sends) - len(refused))

    def _try_again(
        self, delivery: _Delivery, attempt: _Attempt, at: int, refused: dict[int, Refusal]
    ) -> None:
        """Leave what is over before record `at`: what came after it may have overtaken it."""
        delivery.write.written.refused += refused.values()
        del delivery.sends[:at]
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
            return Refusal(send, f"{error.str()}.", True)
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED and not self._is_own(send.topic):
            return Refusal(send, f"The router may not write to {send.topic}.", False)
        if code in NO_TOPIC and not self._topics.known(send.topic):
            return Refusal(send, f"There is no topic {send.topic}.", False)
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
            topic = delivery.at.topic
            why = misplaced(self._topics, delivery.at)
            if self._topics.known(topic) is None and not self._is_own(topic):
                why = f"There is no topic {topic}."
            if why:
                delivery.write.written.refused += [
                    Refusal(send, why, False) for send in delivery.sends
                ]
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
