"""A shard at work: what has come is decided as one batch, and the next one while it travels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from flrouter.core.shard import Shard
from flrouter.core.values.effects import Effects, End, Send
from flrouter.core.values.inputs import CaughtUp, Input
from flrouter.ports import Clock, Log, Offsets, Partition, Record, Refusal, Written
from flrouter.runtime.durability.changelog import Apply, Changelog, Fenced, a_seal
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Checkpoint, Guarantee

#: decided in one go, so that a backlog does not keep the event loop for long.
MAX_BATCH_INPUTS = 1_000
_encode = msgspec.msgpack.Encoder().encode


class Share(NamedTuple):
    """What one owner is made of, before it runs."""

    core: Shard
    apply: Apply
    #: of its tables; each knows from where it is to be replayed.
    changelogs: Sequence[Changelog]
    #: what it reads.
    partitions: Sequence[Partition]
    #: empties it: what was in it came from other changelogs than these.
    start_over: Callable[[], None]


class Worker(Protocol):
    """What a runner needs of the worker around it."""

    def taken(self, at: Partition, count: int) -> None:
        """So many inputs of a partition were decided."""

    def requests_ended(self, number: int, ends: Sequence[End]) -> None:
        """Remember them: whoever has such an answer may ask at once what became of its request."""

    def effects_done(self, number: int, effects: Effects) -> None:
        """Count and log what happened."""

    def not_taken(self, number: int, refusals: Sequence[Refusal]) -> None:
        """Brokers will never take these records; others are written in their place."""

    def catch_up(self, number: int, floodlight: str, done: Callable[[], None]) -> None:
        """Call `done` when all that lies in the FL's write topics now has come to the shard."""

    def wake(self, runner: Runner, delay_s: float = 0.0) -> None:
        """Run it in so many seconds, or soon, but not from within this call."""

    def saved(self, number: int, checkpoint: Checkpoint, changelogs: Sequence[Changelog]) -> None:
        """A checkpoint is durable in the changelogs."""

    def lost(self, why: str) -> None:
        """A shard must be thrown away: its state is ahead of what is durable, or another's."""


class Runner:
    """Runs the core of one shard, whose state nobody else touches."""

    def __init__(
        self,
        number: int,
        share: Share,
        worker: Worker,
        guarantee: Guarantee,
        positions: Offsets,
        log: Log,
        clock: Clock,
    ) -> None:
        """Its changelogs are fenced and replayed; it is to be read on at `positions`."""
        self.number = number
        self.core = share.core
        self.changelogs = share.changelogs
        self._worker = worker
        self._guarantee = guarantee
        self._log = log
        self._clock = clock
        self._inbox: deque[tuple[Partition | None, int, Sequence[Input]]] = deque()
        #: how many inputs arrived and were not decided.
        self.waiting = 0
        #: the next offset of each partition that is read, as far as all before it is durable.
        self.progress = dict(positions)
        #: up to where each partition was offered.
        self._offered: dict[Partition, int] = {}
        #: those reached since the last checkpoint; the first checkpoint has where it began, too.
        self._positions = dict(positions)
        self._by_table = {changelog.table: changelog for changelog in self.changelogs}
        self._by_partition = {changelog.partition: changelog for changelog in self.changelogs}
        #: nothing more is decided; nothing more is heard.
        self._closed = False
        self._dropped = False
        #: when (steady s) it had nothing to do, or something of it became durable.
        self.moved_at = clock.steady_s()
        self._batches_under_way = 0
        guarantee.owner = self
        for changelog in self.changelogs:
            changelog.version = guarantee.version
            self._write_again(changelog, changelog.foreign)

    def __str__(self) -> str:
        return f"shard {self.number}"

    # -- taking in ----------------------------------------------------------------------------

    def offer(self, partition: Partition | None, next_offset: int, inputs: Sequence[Input]) -> None:
        """Take what was read of a partition up to an offset, perhaps nothing."""
        if not self._closed:
            self._inbox.append((partition, next_offset, inputs))
            self.waiting += len(inputs)
            if partition is not None:
                self._offered[partition] = next_offset

    def read_too(self, committed: Offsets) -> Offsets:
        """Take these partitions as well; returns from where they are to be offered.

        One that was read before goes on there: what is committed of it may lie behind.
        """
        positions = {at: self._offered.get(at, offset) for at, offset in committed.items()}
        self.progress |= positions
        self._positions |= {at: positions[at] for at in positions if at not in self._offered}
        return positions

    def read_no_more(self, partition: Partition) -> None:
        """Nothing of it is offered any more; what was is decided all the same."""
        del self.progress[partition]

    @property
    def has_work(self) -> bool:
        """Whether something came that was not decided."""
        return bool(self._inbox)

    @property
    def busy(self) -> bool:
        """Whether nothing can be decided now."""
        return self._closed or self._guarantee.busy

    def run(self) -> None:
        """Decide what has come, or look at what is due if nothing has."""
        if self.busy:
            return
        batch, positions = self._take()
        # Deciding changes the state, too: if that cannot be made durable, the state is dropped.
        try:
            effects = self.core.decide(batch, self._clock.now_ms())
        except Exception as error:
            self.lost(f"a bug left its state half changed: {error!r}")
            raise
        effects.inputs = len(batch)
        self._positions |= positions
        if effects.ends:
            self._worker.requests_ended(self.number, effects.ends)
        self._batches_under_way += 1
        self._guarantee.keep(effects, partial(self._durable, effects, positions))
        if not self.busy:
            self.has_room()

    def _take(self) -> tuple[list[Input], dict[Partition, int]]:
        batch: list[Input] = []
        positions: dict[Partition, int] = {}
        inbox = self._inbox
        while inbox:
            partition, next_offset, inputs = inbox[0]
            if batch and len(batch) + len(inputs) > MAX_BATCH_INPUTS:
                break
            inbox.popleft()
            batch.extend(inputs)
            if partition is not None:
                positions[partition] = next_offset
                self._worker.taken(partition, len(inputs))
        self.waiting -= len(batch)
        return batch, positions

    # -- what the guarantee says --------------------------------------------------------------

    def _durable(self, effects: Effects, positions: Offsets) -> None:
        """A batch is durable, with all before it."""
        self._batches_under_way -= 1
        self.moved_at = self._clock.steady_s()
        self.progress |= {at: positions[at] for at in positions if at in self.progress}
        self._worker.effects_done(self.number, effects)
        for wanted in effects.catch_up:
            done = partial(self._caught_up, wanted.token)
            self._worker.catch_up(self.number, wanted.floodlight, done)

    def _caught_up(self, token: int) -> None:
        self.offer(None, 0, (CaughtUp(token),))
        self._worker.wake(self)

    def checkpoint(self) -> Checkpoint:
        """Take what changed, and how far was read, since the last call."""
        # Encoded at once: batches that are decided later change rows in place.
        rows: list[Send] = []
        for changelog in self.changelogs:
            changelog.torn = False
        for table, changes in self.core.take_changes():
            row = self._by_table[table].row
            rows += [row(key, None if value is None else _encode(value)) for key, value in changes]
        positions, self._positions = self._positions, {}
        return Checkpoint(rows, positions)

    def seal(self) -> Send:
        """The record that makes all rows count that were kept."""
        return a_seal(self.changelogs)

    def saved(self, checkpoint: Checkpoint) -> None:
        """All of a checkpoint is durable, and counts."""
        self._worker.saved(self.number, checkpoint, self.changelogs)

    def kept(self, written: Written, done: Callable[[], None]) -> None:
        """Rows are durable. They count if no other worker has fenced the shard before.

        That worker may be late, and no owner either: these rows are foreign all the same.
        """
        gaps = [
            (changelog, gap)
            for partition, offsets in written.ranges.items()
            if (changelog := self._by_partition.get(partition)) is not None
            if (gap := changelog.written(offsets)) is not None
        ]
        left = len(gaps)

        def looked() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                done()

        for changelog, gap in gaps:
            self._look_at(changelog, *gap, looked)
        if not gaps:
            looked()

    def refused(self, refusals: Sequence[Refusal]) -> None:
        """Some of what was decided is not written, but what stands in for it."""
        self._worker.not_taken(self.number, refusals)

    def has_room(self) -> None:
        """The next batch may be decided."""
        if self._inbox:
            self._worker.wake(self)

    def run_later(self, delay_s: float) -> None:
        """What waits may become durable then."""
        self._worker.wake(self, delay_s)

    def lost(self, why: str) -> None:
        """What was decided is not durable."""
        if not self._dropped:
            self._worker.lost(f"{self}: {why}")

    # -- foreign rows -------------------------------------------------------------------------

    def ended(self, changelog: Changelog, end: int) -> None:
        """A changelog ends there, and nothing of this runner's was under way to it."""
        gap = changelog.ended(end)
        if gap is not None:
            self._look_at(changelog, *gap, lambda: changelog.reached(end))

    def _look_at(
        self, changelog: Changelog, first: int, end: int, looked: Callable[[], None]
    ) -> None:
        """See who wrote what lies between; `looked` if the shard is still this runner's."""
        rows: list[Record] = []

        def done(complete: bool) -> None:
            if self._dropped:
                return
            if not complete:
                self._look_at(changelog, first, end, looked)
                return
            try:
                self._write_again(changelog, changelog.intruded(rows))
            except (Fenced, NewerFormat) as error:
                self._worker.lost(f"{self}: {error}")
            else:
                looked()

        at = changelog.partition
        self._log.replay({at: first}, {at: end}, lambda _, more: rows.extend(more), done)

    def _write_again(self, changelog: Changelog, keys: Collection[bytes]) -> None:
        """Foreign rows stand in the place of these; the next checkpoint brings them back."""
        if keys:
            changelog.torn = True
            texts = [key.decode("utf-8", "surrogateescape") for key in keys]
            self.core.write_again(changelog.table, texts)

    # -- ending -------------------------------------------------------------------------------

    def stalled_s(self) -> float:
        """For how many seconds it has had work, and nothing of it became durable."""
        if not self._batches_under_way and not self._inbox:
            self.moved_at = self._clock.steady_s()
        return self._clock.steady_s() - self.moved_at

    def finish(self, done: Callable[[], None]) -> None:
        """Decide nothing more; `done` when all that was decided is in a durable checkpoint."""
        self._closed = True
        self._inbox.clear()
        self._guarantee.finish(done)

    def drop(self) -> None:
        """Nothing follows at all."""
        self._closed = self._dropped = True
        self._inbox.clear()
        self._guarantee.drop()
