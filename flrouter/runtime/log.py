"""The port :class:`flrouter.ports.Log`: librdkafka reads, and aiokafka's producer writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any
from weakref import WeakSet

from flrouter.kafka import replay
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.reader import Deliver, Gone, Reader
from flrouter.kafka.transactions import KafkaTransaction
from flrouter.kafka.writer import Writer
from flrouter.ports import (
    Answer,
    Offsets,
    OffsetsAnswer,
    Partition,
    Record,
    Start,
    TakeRows,
    Transaction,
)
from flrouter.settings.model import Settings

#: of a changelog, handed to the event loop at once, and how many such pieces may wait there: it has
#: other shards, which serve meanwhile.
MAX_ROWS = 500
MAX_PIECES = 4
#: between two looks whether the event loop is still there.
WAIT_S = 1.0


class KafkaLog:
    """All that is read and written.

    Commands have a reader of their own: those of a full shard are held back, and must not lie
    before the answers that would make room.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        deliver: Deliver,
        gone: Gone,
        is_own: Callable[[str], bool],
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._inbound = frozenset(settings.inbound_topics)
        self._commands = Reader(settings, deliver, gone)
        self._others = Reader(settings, deliver, gone)
        self._is_own = is_own
        self._writer = Writer(settings, directory, is_own)
        self.write, self.abandon = self._writer.write, self._writer.abandon
        self.hold_back = self._commands.hold_back
        self._ends = replay.Ends(settings)
        self._loop: asyncio.AbstractEventLoop
        self._tasks: set[asyncio.Future[None]] = set()
        self._transactions = WeakSet[KafkaTransaction]()

    def start(self) -> None:
        """Connect. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        for part in (self._commands, self._others, self._writer):
            part.start()

    async def stop(self) -> None:
        """Disconnect."""
        for task in self._tasks:
            task.cancel()
        for transaction in self._transactions:
            transaction.close()
        await asyncio.gather(
            self._commands.stop(),
            self._others.stop(),
            self._writer.stop(),
            *(transaction.disconnected() for transaction in self._transactions),
        )

    def read(self, starts: Mapping[Partition, Start]) -> None:
        """From now on read these partitions, each from its start, and no others."""
        commands = {at: start for at, start in starts.items() if at.topic in self._inbound}
        self._commands.read(commands)
        self._others.read({at: starts[at] for at in starts if at not in commands})

    def _reader(self, at: Partition) -> Reader:
        return self._commands if at.topic in self._inbound else self._others

    def taken(self, at: Partition, count: int) -> None:
        """So many records of a partition were worked on."""
        self._reader(at).taken(at, count)

    def end(self, at: Partition) -> int | None:
        """Where a partition that is read ends, as far as anybody knows."""
        return self._reader(at).end(at)

    def replay(
        self, starts: Offsets, ends: Offsets, take: TakeRows, done: Callable[[bool], None]
    ) -> None:
        """Read what lies between, in a thread; it is handed over in the event loop."""
        failed = False
        room = threading.Semaphore(MAX_PIECES)

        def hand_over(at: Partition, rows: Sequence[Record]) -> None:
            nonlocal failed
            room.release()
            if not failed:
                try:
                    take(at, rows)
                except Exception:
                    failed = True
                    raise

        def hand_on(at: Partition, rows: Sequence[Record]) -> None:
            for first in range(0, len(rows), MAX_ROWS):
                while not room.acquire(timeout=WAIT_S) and not self._loop.is_closed():
                    pass  # one that is closed raises below, and so ends the thread
                piece = rows[first : first + MAX_ROWS]
                self._loop.call_soon_threadsafe(hand_over, at, piece)

        async def whole() -> None:
            complete = await asyncio.to_thread(
                replay.replay, self._settings, starts, ends, hand_on, lambda: not failed
            )
            done(complete and not failed)

        self._keep(whole())

    def ends(self, partitions: Collection[Partition], done: OffsetsAnswer) -> None:
        """The offset after the last record of each; None when nobody answered."""

        async def ask() -> None:
            done(await asyncio.to_thread(self._ends.ask, partitions))

        self._keep(ask())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def transaction(self, name: str, prove: Callable[[Answer], None]) -> Transaction:
        """The transactions of this name."""
        transaction = KafkaTransaction(self._settings, self._directory, self._is_own, name, prove)
        self._transactions.add(transaction)
        return transaction
