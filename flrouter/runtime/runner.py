"""A shard at work: it takes what has arrived as one batch, decides, and has it made durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from faust.types import TP
from mode import Service

from flrouter.core.effects import CatchUp, Effects, End, Send
from flrouter.core.inputs import CaughtUp, Input
from flrouter.core.table import TABLES
from flrouter.runtime.batch import Batch, Fetch
from flrouter.runtime.checkpoint import Changes, Checkpoint, Guarantee, Positions
from flrouter.runtime.clock import now_ms
from flrouter.runtime.exactly_once import ShardLost
from flrouter.runtime.store import Copy

#: inputs decided in one go, so that a backlog does not keep the event loop for long.
MOST = 1_000
#: inputs that may wait; more are left in Kafka.
ROOM = 8_000
#: s; before a catch-up that failed is tried again.
RETRY = 0.5

_encode = msgspec.msgpack.Encoder().encode


class Core(Protocol):
    """What decides: a shard, or the ingress of a partition that is none's."""

    def decide(self, batch: Sequence[Input], now: int) -> Effects:
        """What follows from a batch."""

    def take_changes(self) -> Changes:
        """What it changed in each of its tables."""


class Surroundings(Protocol):
    """What a runner needs of the worker around it."""

    def changelog(self, table: str) -> str:
        """The changelog topic of a table."""

    def requests_ended(self, number: int, ends: Sequence[End]) -> None:
        """Remember them: whoever has such an answer may ask at once what became of its request."""

    def effects_done(self, number: int, effects: Effects) -> None:
        """Count and log what happened."""

    async def catch_up(self, number: int, wanted: CatchUp) -> None:
        """Return when it is reached."""

    def lost(self, number: int, error: Exception) -> None:
        """The shard must be thrown away."""


class Runner(Service):
    """Runs one core: one batch after the other, and nobody else touches its state."""

    def __init__(
        self,
        number: int,
        core: Core,
        around: Surroundings,
        guarantee: Guarantee,
        copy: Copy | None = None,
        begin: Mapping[TP, int] | None = None,
    ) -> None:
        """Args:
        number: the shard's.
        core: what decides.
        around: the worker.
        guarantee: how batches are made durable.
        copy: where the tables are kept on disk too.
        begin: the next offset to read of each of its partitions.
        """
        super().__init__()
        self.number = number
        self.core = core
        self._around = around
        self._guarantee = guarantee
        self._copy = copy
        self._inbox: list[tuple[TP | None, int, Sequence[Input], Fetch | None]] = []
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closing = False
        self._finished = asyncio.Event()
        #: the next offset to come of each partition.
        self._received: dict[TP, int] = {}
        #: the next offset to read of each partition, as far as its outputs are durable.
        self.progress: dict[TP, int] = dict(begin or {})
        #: of what was done since the last checkpoint; the first one keeps where it all began, too.
        self._positions: dict[TP, int] = dict(self.progress)

    @property
    def label(self) -> str:
        """The service's name in logs."""
        return f"{type(self).__name__}-{self.number}"

    # -- taking in ----------------------------------------------------------------------------

    async def offer(self, batch: Batch, inputs: Sequence[Input]) -> None:
        """Take what was read from a batch; waits while too much lies here.

        It is worked on when :meth:`begin` is called.
        """
        await self._room.wait()
        if not self._closing:
            self._received[batch.tp] = batch.next_offset
            self._put(batch.tp, batch.next_offset, inputs, batch.fetch)

    def idle(self, tp: TP, handed: int, position: int) -> None:
        """Nothing more lies before `position` of `tp` once all before `handed` has come."""
        received = self._received.get(tp, self.progress.get(tp, 0))
        if handed <= received < position and not self._closing:
            self._received[tp] = position
            self._put(tp, position, ())
            self.begin()

    def _put(
        self,
        tp: TP | None,
        next_offset: int,
        inputs: Sequence[Input],
        fetch: Fetch | None = None,
    ) -> None:
        self._inbox.append((tp, next_offset, inputs, fetch))
        self._waiting += len(inputs)
        if self._waiting > ROOM:
            self._room.clear()

    def begin(self) -> None:
        """Work on what has come."""
        if self._inbox:
            self._arrived.set()

    def tick(self) -> None:
        """Time has passed: look at what is due."""
        self._arrived.set()

    @property
    def waiting(self) -> int:
        """Inputs that arrived and were not decided."""
        return self._waiting

    def _take(self) -> tuple[list[Input], dict[TP, int]]:
        batch: list[Input] = []
        positions: dict[TP, int] = {}
        taken = 0
        for tp, next_offset, inputs, fetch in self._inbox:
            if batch and len(batch) + len(inputs) > MOST:
                break
            batch.extend(inputs)
            if tp is not None:
                positions[tp] = next_offset
            if fetch is not None:
                fetch.take()
            taken += 1
        del self._inbox[:taken]
        self._waiting -= len(batch)
        if self._waiting <= ROOM // 2:
            self._room.set()
        if not self._inbox:
            self._arrived.clear()
        return batch, positions

    # -- working ------------------------------------------------------------------------------

    @Service.task
    async def _run(self) -> None:
        try:
            while not self._closing:
                await self._arrived.wait()
                if not self._closing:
                    await self._work(*self._take())
            await self._guarantee.finish(self)
        except ShardLost as error:
            self._closing = True
            self._around.lost(self.number, error)
        finally:
            self._finished.set()

    async def _work(self, batch: list[Input], positions: dict[TP, int]) -> None:
        """Decide, and see to it that nothing of it can be lost.

        Deciding changes the local state too, so whoever fails after it is thrown away whole.
        """
        effects = self.core.decide(batch, now_ms())
        effects.inputs = len(batch)
        self._positions |= positions
        if effects.ends:
            self._around.requests_ended(self.number, effects.ends)
        await self._guarantee.keep(effects, self)
        self.progress.update(positions)
        self._around.effects_done(self.number, effects)
        for wanted in effects.catch_up:
            self.add_future(self._catch_up(wanted))

    def checkpoint(self) -> Checkpoint:
        """Take what changed, and how far was read, since the last call."""
        changes = self.core.take_changes()
        positions, self._positions = self._positions, {}
        return Checkpoint(self._records(changes), positions)

    def kept(self, checkpoint: Checkpoint, written: Positions) -> None:
        """Its changelog records are durable: bring the same bytes into the local copy too."""
        if self._copy is None:
            return
        tables = {self._around.changelog(table): table for table in TABLES}
        rows = (
            (tables[record.topic], record.key or b"", record.value) for record in checkpoint.records
        )
        positions = [
            (topic, position) for (topic, _), position in written.items() if topic in tables
        ]
        if positions:
            self._copy.save(rows, positions)

    def _records(self, changes: Changes) -> list[Send]:
        """The changelog records of changes."""
        return [
            Send(
                self._around.changelog(table),
                self.number,
                key.encode(),
                None if value is None else _encode(value),
            )
            for table, rows in changes
            for key, value in rows
        ]

    async def _catch_up(self, wanted: CatchUp) -> None:
        while True:
            try:
                await self._around.catch_up(self.number, wanted)
                break
            except Exception:
                # Whatever it was: without an answer the deadline behind it would never fire.
                self.log.exception("catching up failed, trying again")
                await asyncio.sleep(RETRY)
        if not self._closing:
            self._put(None, 0, (CaughtUp(wanted.token),))
            self.begin()

    # -- ending -------------------------------------------------------------------------------

    async def close(self, timeout: float) -> bool:
        """Finish the batch in hand, take no more, and let go of the shard.

        Args:
            timeout: seconds that the batch may take; the next owner does it again otherwise.

        Returns:
            Whether nothing of it is left to be written.
        """
        self._closing = True
        self._room.set()
        self._arrived.set()
        if not self.started:
            self._finished.set()
        try:
            await asyncio.wait_for(self._finished.wait(), timeout)
        except TimeoutError:
            self.log.warning("a batch did not end in time; the next owner will do it again")
        await self.stop()
        await self._guarantee.close()
        if self._copy is not None:
            self._copy.close()
        return self._finished.is_set()
