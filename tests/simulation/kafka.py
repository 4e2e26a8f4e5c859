"""Kafka in memory: the ports `Group` and `Log` of each worker, and what lies behind them.

Nothing happens by itself. What a worker asks for is put in a queue; a step of the simulation takes
something out, does it, loses it, or does it much later, when its worker is a worker no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.topics import CHANGELOG
from flrouter.kafka.reader import Batch, Deliver, Gone
from flrouter.ports import (
    Answer,
    OffsetRange,
    Partition,
    Record,
    Refusal,
    Start,
    Transaction,
    Written,
)
from flrouter.runtime.durability.changelog import FENCE_KEY, SEAL_KEY

from .dice import Dice
from .topics import Topics

#: ms; a row younger than that is not compacted away.
COMPACTION_LAG = int(CHANGELOG["min.compaction.lag.ms"])
#: so much faster than all else do rows grow old, as no episode lasts ten minutes.
AGING = 4


class Limbo:
    """What a leader has appended while a follower was away: nobody reads it or is told of it."""

    __slots__ = ("high_watermark", "waiting")

    def __init__(self, high_watermark: int) -> None:
        #: the offset where it begins.
        self.high_watermark = high_watermark
        #: what is done once the follower has it, or counts no more.
        self.waiting: list[Callable[[], None]] = []


class Cluster:
    """What all workers share: the topics, the changelogs, what is committed, who is fenced."""

    def __init__(
        self,
        topics: Topics,
        changelogs: Collection[str],
        *,
        keeps_tombstones: bool = False,
        late_fences: bool = True,
    ) -> None:
        """Args:
        keeps_tombstones: for a day, as brokers do, and so until the end of a run.
        late_fences: fences, too, may be appended that their writers have abandoned.
        """
        self.topics = topics
        self._keeps_tombstones = keeps_tombstones
        self.late_fences = late_fences
        self.changelog_topics = frozenset(changelogs)
        self.changelogs: dict[Partition, list[Record | None]] = {}
        #: by changelog partition, while a follower of it is away.
        self.limbos: dict[Partition, Limbo] = {}
        self.committed: dict[Partition, int] = {}
        #: transactional id → how often it was opened.
        self.opened: dict[str, int] = {}
        #: told of each record that is no changelog's: where it lies, and what it was made of.
        self.hear: Callable[[Any, Send], None] = lambda record, send: None
        #: told of records that will be written twice.
        self.repeats: Callable[[Sequence[Send]], None] = lambda sends: None

    def place(self, send: Send) -> Partition:
        """Where a record goes."""
        number = send.partition
        if number is None:
            number = self.topics.place(send.topic, send.key)
        return Partition(send.topic, number)

    def append(self, at: Partition, send: Send) -> int:
        """Write a record; returns its offset."""
        if at.topic in self.changelog_topics:
            rows = self.changelogs.setdefault(at, [])
            written_at = AGING * self.topics.now
            rows.append(Record(len(rows), send.key, send.value, send.headers, written_at))
            return len(rows) - 1
        assert send.value is not None
        record = self.topics.write(at.topic, send.key, send.value, at.number, send.headers)
        self.hear(record, send)
        return record.offset

    def mark(self, at: Partition) -> None:
        """Write a transaction's marker, which nobody is given."""
        self.changelogs[at].append(None)

    def end(self, at: Partition) -> int:
        """The offset after the last record."""
        if at.topic in self.changelog_topics:
            return len(self.changelogs.get(at, ()))
        return len(self.topics.log(*at))

    # -- what is appended and not replicated --------------------------------------------------

    def lose_follower(self, at: Partition) -> None:
        """What is appended from now on lies above the high watermark."""
        self.limbos.setdefault(at, Limbo(self.end(at)))

    def count_without_follower(self, at: Partition) -> None:
        """The leader waits for it no more: the high watermark moves to the end."""
        for then in self.limbos.pop(at).waiting:
            then()

    def readable(self, at: Partition) -> int:
        """The high watermark: nobody is given what lies behind."""
        limbo = self.limbos.get(at)
        return self.end(at) if limbo is None else limbo.high_watermark

    def when_replicated(self, at: Partition, then: Callable[[], None]) -> None:
        """Do something once all is durable that was appended; at once if it is."""
        limbo = self.limbos.get(at)
        if limbo is None:
            then()
        else:
            limbo.waiting.append(then)

    def rows(self, at: Partition, first: int, end: int) -> list[Record]:
        """What is left of a part of a changelog."""
        kept = self.changelogs.get(at, [])[first:end]
        return [row for row in kept if row is not None]

    def compact(self, at: Partition) -> None:
        """Of what is not young leave each key's last record, and of a key that is gone nothing.

        As brokers do: young records take none away either.
        """
        rows = self.changelogs.get(at, [])
        until = AGING * self.topics.now - COMPACTION_LAG
        old = [
            row for row in rows[: self.readable(at)] if row is not None and row.timestamp <= until
        ]
        newest = {row.key: row.offset for row in old}
        for row in old:
            # Seals always stay: who finds none takes all rows for sealed.
            gone = row.value is None and row.key != SEAL_KEY and not self._keeps_tombstones
            if newest[row.key] != row.offset or gone:
                rows[row.offset] = None


class _Write:
    """A write of a worker, until it is durable."""

    __slots__ = ("done", "left", "written")

    def __init__(self, left: int, done: Callable[[Written], None]) -> None:
        self.left = left
        self.done = done
        self.written = Written()


class Reading:
    """Partitions, and how far each was read."""

    def __init__(self) -> None:
        self.starts: dict[Partition, Start] = {}
        self.positions: dict[Partition, int] = {}

    def read(self, starts: Mapping[Partition, Start]) -> None:
        """From now on these; who is read from the same start as before goes on."""
        self.positions = {
            at: self.positions[at] if self.starts.get(at) == start else start.offset
            for at, start in starts.items()
        }
        self.starts = dict(starts)


class Following(Reading):
    """What a standby reads: changelogs."""

    def __init__(self, cluster: Cluster, take: Deliver, gone: Gone) -> None:
        super().__init__()
        self._cluster = cluster
        self._take = take

    def start(self) -> None:
        """Nothing: it does as it is told."""

    async def stop(self) -> None:
        """Nothing: nobody waits for it."""

    def taken(self, at: Partition, count: int) -> None:
        """Nothing: it holds nothing."""

    @property
    def unread(self) -> list[Partition]:
        """Those where more lies."""
        readable = self._cluster.readable
        return [at for at, position in self.positions.items() if position < readable(at)]

    def fetch(self, at: Partition, count: int) -> None:
        """Read so many records of a partition."""
        first = self.positions[at]
        end = self.positions[at] = min(first + count, self._cluster.readable(at))
        rows = self._cluster.rows(at, first, end)
        self._take([Batch(at, rows, end, self.starts[at].term)])


class MemoryLog(Reading):
    """One worker's `Log`."""

    def __init__(self, cluster: Cluster, refuses: Callable[[Send], bool]) -> None:
        """Args:
        refuses: whether brokers will never take a record.
        """
        super().__init__()
        self._cluster = cluster
        self._refuses = refuses
        #: per partition in order: what is to be appended, for which write.
        self.queues: dict[Partition, deque[tuple[Send, _Write]]] = {}
        #: durable, and not told.
        self._ready: list[_Write] = []
        #: not durable, and wanted.
        self._wanted: set[_Write] = set()
        #: replays, ends, transactions, in any order.
        self.calls: list[Callable[[Dice], None]] = []
        #: what was abandoned and may be appended all the same.
        self.strays: dict[Partition, deque[Send]] = {}

    # -- the port -----------------------------------------------------------------------------

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Put records into the queues of their partitions."""
        write = _Write(len(sends), done)
        self._wanted.add(write)
        for send in sends:
            if self._refuses(send):
                write.written.refused.append(Refusal(send, "too large", True))
                write.left -= 1
            else:
                at = self._cluster.place(send)
                self.queues.setdefault(at, deque()).append((send, write))
        self._less(write, 0)

    def _less(self, write: _Write, count: int) -> None:
        """So many more records of it are durable."""
        write.left -= count
        if not write.left and write in self._wanted:
            self._wanted.remove(write)
            self._ready.append(write)

    def abandon(self) -> None:
        """What is not appended by now may be, much later."""
        late_fences = self._cluster.late_fences
        for at, queue in self.queues.items():
            late = (send for send, _ in queue if late_fences or send.key != FENCE_KEY)
            self.strays.setdefault(at, deque()).extend(late)
        self.queues.clear()
        self._ready.clear()
        self._wanted.clear()

    def replay(
        self,
        starts: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        take: Callable[[Partition, Sequence[Record]], None],
        done: Callable[[bool], None],
    ) -> None:
        """Read it at some time, or a part of it and fail; no more than is readable."""

        def replay(dice: Dice) -> None:
            for at, end in ends.items():
                if end > self._cluster.readable(at):
                    self._cluster.when_replicated(at, partial(self.calls.append, replay))
                    return
            for at, start in starts.items():
                if dice.one_in(64):
                    done(False)
                    return
                assert ends[at] <= self._cluster.end(at)
                take(at, self._cluster.rows(at, start, ends[at]))
            done(True)

        self.calls.append(replay)

    def ends(
        self,
        partitions: Collection[Partition],
        done: Callable[[Mapping[Partition, int] | None], None],
    ) -> None:
        """Look at some time."""

        def ends(dice: Dice) -> None:
            if dice.one_in(32):
                done(None)
            else:
                done({at: self._cluster.readable(at) for at in partitions})

        self.calls.append(ends)

    def transaction(self, name: str, prove: Callable[[Answer], None]) -> Transaction:
        """Transactions that commit at some time."""
        return MemoryTransaction(self._cluster, self, name)

    def refuses(self, sends: Sequence[Send]) -> list[Refusal]:
        """Those that will never be taken."""
        return [Refusal(send, "too large", True) for send in sends if self._refuses(send)]

    # -- what happens -------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self.queues and not self._ready and not self.calls

    def append(self, at: Partition, count: int, dice: Dice, *, stutters: bool = False) -> None:
        """Append records of a partition; with `stutters` the broker's answer may be lost once."""
        queue = self.queues[at]
        taken = [queue.popleft() for _ in range(min(count, len(queue)))]
        if not queue:
            del self.queues[at]
        if stutters and dice.one_in(4):
            if at.topic not in self._cluster.changelog_topics:
                self._cluster.repeats([send for send, _ in taken])
            for send, _ in taken:
                self._cluster.append(at, send)
        for send, write in taken:
            offset = self._cluster.append(at, send)
            ranges = write.written.ranges
            offset_range = ranges.get(at)
            ranges[at] = (
                OffsetRange(offset, offset + 1, 1)
                if offset_range is None
                else OffsetRange(offset_range.first, offset + 1, offset_range.records + 1)
            )
            self._cluster.when_replicated(at, partial(self._less, write, 1))

    def tell(self, dice: Dice) -> None:
        """Tell that something is durable."""
        if self._ready:
            write = self._ready.pop(dice.pick(len(self._ready)))
            write.done(write.written)

    def call(self, dice: Dice) -> None:
        """Do something that was asked for."""
        if self.calls:
            self.calls.pop(dice.pick(len(self.calls)))(dice)

    def stray(self, dice: Dice) -> None:
        """Something that was abandoned is appended, or lost with all behind it."""
        if not self.strays:
            return
        at = dice.choose(list(self.strays))
        if not dice.one_in(8):
            # The order within a partition is kept.
            for _ in range(1 + dice.pick(4)):
                if self.strays[at]:
                    self._cluster.append(at, self.strays[at].popleft())
            if self.strays[at]:
                return
        del self.strays[at]

    def die(self) -> None:
        """Its worker is killed."""
        self.abandon()
        self.calls.clear()
        self.positions = {}


class MemoryTransaction:
    """One owner's `Transaction`."""

    def __init__(self, cluster: Cluster, log: MemoryLog, name: str) -> None:
        self._cluster = cluster
        self._log = log
        self._name = name
        self._opened = -1
        self._closed = False

    def open(self, done: Callable[[str | None], None]) -> None:
        """Fence whoever had the name."""

        def opened(dice: Dice) -> None:
            if self._closed:
                return
            if dice.one_in(32):
                done("nobody answers")
                return
            self._opened = self._cluster.opened.get(self._name, 0) + 1
            self._cluster.opened[self._name] = self._opened
            done(None)

        self._log.calls.append(opened)

    def commit(
        self,
        sends: Sequence[Send],
        offsets: Mapping[Partition, int],
        done: Callable[[Written | str], None],
    ) -> None:
        """Append all, or nothing; and whatever happened may be told as a failure."""

        def committed(dice: Dice) -> None:
            if self._cluster.opened.get(self._name) != self._opened:
                self._tell(done, "fenced")
                return
            for at in map(self._cluster.place, sends):
                if at in self._cluster.limbos:
                    again = partial(self._log.calls.append, committed)
                    self._cluster.when_replicated(at, again)
                    return
            refused = self._log.refuses(sends)
            written = Written()
            if refused:
                written.refused = refused
                self._tell(done, written)
                return
            fails = dice.one_in(64)
            if fails and dice.one_in(2):
                self._tell(done, "nobody answers")
                return
            for send in sends:
                at = self._cluster.place(send)
                offset = self._cluster.append(at, send)
                offset_range = written.ranges.get(at)
                written.ranges[at] = (
                    OffsetRange(offset, offset + 1, 1)
                    if offset_range is None
                    else OffsetRange(offset_range.first, offset + 1, offset_range.records + 1)
                )
            for at, offset_range in written.ranges.items():
                if at.topic in self._cluster.changelog_topics:
                    self._cluster.mark(at)
                    written.ranges[at] = OffsetRange(*offset_range[:3], marked=True)
            self._cluster.committed.update(offsets)
            self._tell(done, "nobody answers" if fails else written)

        self._log.calls.append(committed)

    def _tell(self, done: Callable[[Written | str], None], what: Written | str) -> None:
        if not self._closed:
            done(what)

    def close(self) -> None:
        """Nothing more is told."""
        self._closed = True


class MemoryGroup:
    """One worker's `Group`."""

    def __init__(
        self,
        cluster: Cluster,
        generation: Callable[[], int],
        knows: Callable[[int], bool | None],
        released: Callable[[], None],
        deal_again: Callable[[], None],
        rejoin: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._generation = generation
        self._knows = knows
        self._released = released
        self._deal_again = deal_again
        self._rejoin = rejoin
        #: in order: what was asked for.
        self.calls: deque[Callable[[Dice], None]] = deque()

    def prove(self, done: Answer) -> None:
        """Ask at some time."""
        generation = self._generation()
        self.calls.append(lambda dice: done(None if dice.one_in(32) else self._knows(generation)))

    def commit(self, offsets: Mapping[Partition, int], done: Answer) -> None:
        """Commit at some time, if it is a member then."""
        generation = self._generation()

        def commit(dice: Dice) -> None:
            if dice.one_in(32):
                if self._knows(generation) and dice.one_in(2):
                    self._cluster.committed.update(offsets)
                done(None)
                return
            known = self._knows(generation)
            if known:
                self._cluster.committed.update(offsets)
            done(known)

        self.calls.append(commit)

    def committed(
        self,
        partitions: Collection[Partition],
        done: Callable[[Mapping[Partition, int] | None], None],
    ) -> None:
        """Tell at some time."""

        def committed(dice: Dice) -> None:
            if dice.one_in(32):
                done(None)
            else:
                known = self._cluster.committed
                done({at: known[at] for at in partitions if at in known})

        self.calls.append(committed)

    def released(self) -> None:
        """Tell the coordinator."""
        self.calls.append(lambda _: self._released())

    def deal_again(self) -> None:
        """Tell the coordinator."""
        self.calls.append(lambda _: self._deal_again())

    def rejoin(self) -> None:
        """Tell the coordinator, unless it has dealt again by then."""
        generation = self._generation()

        def rejoin(_: Dice) -> None:
            if self._generation() == generation:
                self._rejoin()

        self.calls.append(rejoin)

    def call(self, dice: Dice) -> None:
        """Do the next thing that was asked for."""
        if self.calls:
            self.calls.popleft()(dice)
