"""The reader: a thread that takes what librdkafka has fetched, and hands it to the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from flrouter.kafka.librdkafka import reading
from flrouter.kafka.records import in_order
from flrouter.pace import Pace
from flrouter.ports import Partition, Record, Start
from flrouter.settings.model import Settings

#: taken in one go, so that a backlog keeps neither the interpreter nor the loop for long.
MAX_RECORDS = 2_000
#: that the loop was handed and has not worked on.
MAX_UNTAKEN = 8_000
#: how long the thread may wait for records, and what is wanted anew for the thread.
WAIT_S = 0.05
#: the longest pause between two looks, and the records a second from which on it is that long.
#: librdkafka hands records over as soon as one is there, and a look costs the worker and the
#: brokers the same whatever it brings: the interpreter changes threads, shards decide, and write. A
#: command waits for two looks, its own and its answer's.
MAX_PAUSE_S = 0.02
BUSY_RATE = 2_000.0
#: between two looks at where partitions end.
END_INTERVAL_S = 1.0
#: how long brokers may take to say where a partition begins.
BEGIN_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """What was read of one partition, in order; perhaps nothing but how far."""

    at: Partition
    records: Sequence[Record]
    #: the next offset to read, past transactions' markers and what compaction took.
    next_offset: int
    #: of the start that it was read from.
    term: int


#: takes batches.
Deliver = Callable[[Sequence[Batch]], None]
#: takes a partition whose next offset was deleted, that offset, the first one that there is, and
#: the term.
Gone = Callable[[Partition, int, int, int], None]


class Reader:
    """Reads partitions, each from the start that it is told."""

    def __init__(self, settings: Settings, deliver: Deliver, gone: Gone) -> None:
        """`deliver` is called in the event loop, once for all that a look brought; `gone` there
        too, and the partition is read on from its first record.
        """
        self._settings = settings
        self._deliver = deliver
        self._gone = gone
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = False
        #: what is wanted; the thread sees to it when something changed.
        self._changed = threading.Event()
        self._wanted: dict[Partition, Start] = {}
        self._paused: frozenset[Partition] = frozenset()
        #: records that were handed over and not taken, and how many that are.
        self._untaken: Counter[Partition] = Counter()
        self._untaken_count = 0
        self._room = threading.Event()
        self._room.set()
        #: where partitions ended a moment ago. Only the thread asks: confluent-kafka hangs when
        #: another thread does during a poll.
        self._ends: dict[Partition, int] = {}
        #: of the thread: where each partition began, and its next offset.
        self._starts: dict[Partition, Start] = {}
        self._next: dict[Partition, int] = {}
        #: of the thread: partitions whose next offset is not there.
        self._lost: set[Partition] = set()

    def start(self) -> None:
        """Begin. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="flrouter-reader", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Read no more."""
        self._stopping = True
        self._room.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def read(self, starts: Mapping[Partition, Start]) -> None:
        """From now on read these; one whose start is the same as before goes on."""
        with self._lock:
            before, self._wanted = self._wanted, dict(starts)
            for at in [at for at in self._untaken if before.get(at) != starts.get(at)]:
                self._take(at, self._untaken[at])
        self._changed.set()

    def hold_back(self, partitions: Collection[Partition]) -> None:
        """Read all but these."""
        with self._lock:
            self._paused = frozenset(partitions)
        self._changed.set()

    def taken(self, at: Partition, count: int) -> None:
        """So many records of a partition were worked on."""
        with self._lock:
            self._take(at, min(count, self._untaken[at]))

    def _take(self, at: Partition, count: int) -> None:
        self._untaken[at] -= count
        if not self._untaken[at]:
            del self._untaken[at]
        self._untaken_count -= count
        if self._untaken_count <= MAX_UNTAKEN // 2:
            self._room.set()

    def end(self, at: Partition) -> int | None:
        """Where a partition ended a moment ago; None when nobody knows."""
        return self._ends.get(at)

    def _run(self) -> None:
        consumer = Consumer(reading(self._settings))
        paused: frozenset[Partition] = frozenset()
        look_at = next_look = 0.0
        pace = Pace(MAX_PAUSE_S, BUSY_RATE)
        try:
            while not self._stopping:
                if time.monotonic() > look_at:
                    look_at = time.monotonic() + END_INTERVAL_S
                    self._look_at_ends(consumer)
                if self._changed.is_set():
                    paused = self._apply(consumer, paused)
                if self._lost:
                    self._begin_anew(consumer)
                if not self._room.wait(WAIT_S):
                    continue
                if self._changed.wait(max(next_look - time.monotonic(), 0.0)):
                    continue
                first = consumer.poll(WAIT_S)
                if first is None:
                    continue
                # All else that is there now: with a timeout, `consume` waits until it is over.
                messages = [first, *consumer.consume(MAX_RECORDS - 1, 0)]
                self._take_in(consumer, messages)
                if len(messages) < MAX_RECORDS:  # else more is there already
                    next_look = pace.next_at(time.monotonic(), len(messages))
        except RuntimeError:
            if not self._loop.is_closed():
                raise
        finally:
            consumer.close()

    def _apply(self, consumer: Any, paused: frozenset[Partition]) -> frozenset[Partition]:
        """Read what is wanted now; what goes on is not disturbed."""
        self._changed.clear()
        with self._lock:
            wanted, to_pause = self._wanted, self._paused
        before, self._starts = self._starts, wanted
        ended = [at for at, start in before.items() if wanted.get(at) != start]
        begun = [at for at, start in wanted.items() if before.get(at) != start]
        if ended:
            consumer.incremental_unassign([TopicPartition(*at) for at in ended])
        for at in ended:
            del self._next[at]
        self._lost.difference_update(ended)
        paused -= frozenset(ended)
        if begun:
            self._next |= {at: wanted[at].offset for at in begun}
            consumer.incremental_assign([TopicPartition(*at, wanted[at].offset) for at in begun])
        to_pause = frozenset(at for at in to_pause if at in self._next)
        if to_pause - paused:
            consumer.pause([TopicPartition(*at) for at in to_pause - paused])
        if paused - to_pause:
            consumer.resume([TopicPartition(*at) for at in paused - to_pause if at in self._next])
        return to_pause

    def _heard(self, at: Partition, error: Any, offset: int) -> int:
        """The next offset to read where a partition's end was reached, else -1.

        It lies behind markers, and what compaction took. The embedded broker may show records that
        lie before it later.
        """
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            return -1 if self._settings.embedded else offset
        if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            if at in self._next:
                self._lost.add(at)
        elif error.fatal():
            raise KafkaException(error)
        else:
            log.warning("reading %s: %s", at if at.topic else "Kafka", error)
        return -1

    def _look_at_ends(self, consumer: Any) -> None:
        """Note where partitions end, as far as the last fetch of each has told."""
        ends = {}
        for at in self._next:
            _, end = consumer.get_watermark_offsets(TopicPartition(*at), cached=True)
            if end >= 0:
                ends[at] = end
        self._ends = ends

    def _begin_anew(self, consumer: Any) -> None:
        """Read partitions from their first records, as what was to come next is not there."""
        for at in list(self._lost):
            try:
                first, _ = consumer.get_watermark_offsets(TopicPartition(*at), BEGIN_TIMEOUT_S)
                consumer.incremental_unassign([TopicPartition(*at)])
                consumer.incremental_assign([TopicPartition(*at, first)])
            except KafkaException as error:
                log.warning("cannot see where %s begins: %s", at, error)
                return
            self._lost.discard(at)
            expected, self._next[at] = self._next[at], first
            term = self._starts[at].term
            self._loop.call_soon_threadsafe(self._gone, at, expected, first, term)

    def _take_in(self, consumer: Any, messages: Sequence[Any]) -> None:
        """Hand what came to the loop."""
        embedded = self._settings.embedded
        records = in_order(consumer, messages, self._next, self._heard, embedded=embedded)
        with self._lock:
            # Without those that are not wanted any more, or from another start.
            batches = [
                Batch(at, mine, self._next[at], self._starts[at].term)
                for at, mine in records.items()
                if self._wanted.get(at) == self._starts[at]
            ]
            for batch in batches:
                if batch.records:
                    self._untaken[batch.at] += len(batch.records)
                    self._untaken_count += len(batch.records)
            if self._untaken_count >= MAX_UNTAKEN:
                self._room.clear()
        if batches:
            self._loop.call_soon_threadsafe(self._deliver, batches)
