"""The standby: shards of other workers, followed so closely that taking them over is quick.

Without it a worker that takes a shard over reads its changelogs from their beginning, about
100,000 records a second. With it only what came in the last moments is left to read; the price is
that each worker holds the tables of all shards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from flrouter.core.shard import Shard
from flrouter.core.table import TABLES
from flrouter.runtime.clients import reader
from flrouter.runtime.restore import POLL
from flrouter.runtime.states import put
from flrouter.runtime.topics import changelog
from flrouter.settings import Settings

#: ms; how long one look at the changelogs may wait, and so a takeover for it.
WAIT = 100
#: s; before brokers that did not answer are asked again.
RETRY = 1.0


class Standby(Service):
    """Reads the changelogs of shards that this worker does not own into shards that do nothing."""

    def __init__(self, settings: Settings, make: Callable[[int], Shard]) -> None:
        """Args:
        make: makes an empty shard of a number.
        """
        super().__init__()
        self._settings = settings
        self._make = make
        self._tables = {changelog(settings, table): table for table in TABLES}
        self._shards: dict[int, Shard] = {}
        self._positions: dict[tuple[str, int], int] = {}
        self._reader: Any = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    async def on_start(self) -> None:
        """Connect."""
        self._reader = reader(self._settings, max_partition_fetch_bytes=4 << 20)
        await self._reader.start()

    async def on_shutdown(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    async def follow(self, numbers: Iterable[int]) -> None:
        """From now on follow these shards, from the beginning those that were not followed."""
        async with self._turn:
            wanted = set(numbers)
            for number in self._shards.keys() - wanted:
                self._forget(number)
            for number in wanted - self._shards.keys():
                self._shards[number] = self._make(number)
            partitions = [TopicPartition(topic, at) for topic in self._tables for at in wanted]
            self._reader.assign(partitions)
            for tp in partitions:
                self._reader.seek(tp, self._positions.setdefault((tp.topic, tp.partition), 0))
            self._changed.set()

    async def hand_over(self, numbers: Iterable[int]) -> tuple[dict[int, Shard], dict[Any, int]]:
        """Stop following these shards; returns those that were followed, by their numbers, and
        (changelog, number) → the next offset to read.
        """
        async with self._turn:
            shards, positions = {}, {}
            for number in self._shards.keys() & set(numbers):
                shards[number] = self._shards[number]
                for topic in self._tables:
                    positions[topic, number] = self._positions[topic, number]
                self._forget(number)
            left = [TopicPartition(topic, at) for topic in self._tables for at in self._shards]
            self._reader.assign(left)
            for tp in left:
                self._reader.seek(tp, self._positions[tp.topic, tp.partition])
            return shards, positions

    def _forget(self, number: int) -> None:
        del self._shards[number]
        for topic in self._tables:
            del self._positions[topic, number]

    @Service.task
    async def _read(self) -> None:
        while not self.should_stop:
            if not self._shards:
                self._changed.clear()
                await self.wait(self._changed)
                continue
            try:
                async with self._turn:
                    found = await self._reader.getmany(timeout_ms=WAIT, max_records=POLL)
                    for tp, records in found.items():
                        self._apply(tp.topic, tp.partition, records)
            except KafkaError as error:
                self.log.warning("cannot follow the changelogs: %r", error)
                await self.sleep(RETRY)
            await asyncio.sleep(0)

    def _apply(self, topic: str, number: int, records: Any) -> None:
        shard, table = self._shards[number], self._tables[topic]
        for record in records:
            put(shard, table, record.key, record.value)
        self._positions[topic, number] = records[-1].offset + 1
