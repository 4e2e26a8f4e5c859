"""Catching up: telling a shard when all that lay in an FL's write topic has been read.

A deadline must not fire over an answer that waits to be read, whoever is to read it: an FL may
write to any partition, so other shards, of other workers, may be the ones that are behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from flrouter.runtime.clients import connection, reader
from flrouter.runtime.ends import ends
from flrouter.settings import Settings

#: s; between two looks at how far others have come.
POLL = 0.05

#: how far this worker has come with a partition that it owns, else None.
Progress = Callable[[str, int], int | None]


class CatchUps(Service):
    """Waits until the group has read what had been written when it was asked."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        super().__init__()
        self._settings = settings
        self._progress = progress
        self._reader: Any = None
        self._admin: Any = None
        self._lock = asyncio.Lock()
        #: by topic and first partition: the look that begins when the one under way is over.
        self._following: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}

    async def on_start(self) -> None:
        """Connect."""
        # Where everything ends, also what transactions wrote whose markers are not there yet.
        self._reader = reader(self._settings, isolation_level="read_uncommitted")
        self._admin = AIOKafkaAdminClient(**connection(self._settings))
        await self._reader.start()
        await self._admin.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._reader.stop()
        await self._admin.close()

    async def caught_up(self, floodlight: str, shard: int) -> None:
        """Return when all that is now in `floodlight`'s write topics has been read, and then all
        that shards sent to `shard` because of it.
        """
        partitions = range(self._settings.partitions)
        topics = self._settings.fl_topics.written_by(floodlight)
        await asyncio.gather(*(self._shared(topic, partitions) for topic in topics))
        await self._shared(self._settings.shards_topic, (shard,))

    async def _shared(self, topic: str, partitions: Sequence[int]) -> None:
        """Look at most once at a time; those who ask meanwhile share the look that comes next.

        Deadlines come due in every shard many times a second when an FL is dead, and each may
        use any look that began after it.
        """
        key = (topic, partitions[0])
        following = self._following.get(key)
        if following is None:
            look = self._look(key, [TopicPartition(topic, at) for at in partitions])
            following = self._following[key] = asyncio.ensure_future(look)
        await asyncio.shield(following)

    async def _look(self, key: tuple[str, int], partitions: list[TopicPartition]) -> None:
        async with self._turns.setdefault(key, asyncio.Lock()):
            del self._following[key]
            await self._read_to_the_end(partitions)

    async def _read_to_the_end(self, partitions: list[TopicPartition]) -> None:
        while True:
            try:
                behind = await self._ends(partitions)
                break
            except (TimeoutError, KafkaError) as error:
                self.log.warning("cannot see the ends of %s: %r", partitions[0].topic, error)
                await asyncio.sleep(1.0)
        while True:
            behind = {
                tp: end
                for tp, end in behind.items()
                if (self._progress(tp.topic, tp.partition) or 0) < end
            }
            theirs = [tp for tp in behind if self._progress(tp.topic, tp.partition) is None]
            if theirs:
                try:
                    committed = await self.committed(theirs)
                except (TimeoutError, KafkaError) as error:
                    self.log.warning("cannot see how far the others are: %r", error)
                    committed = {}
                behind = {tp: end for tp, end in behind.items() if committed.get(tp, 0) < end}
            if not behind:
                return
            await asyncio.sleep(POLL)

    async def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The group's committed offsets, of those partitions that have one."""
        wanted = [TopicPartition(tp.topic, tp.partition) for tp in partitions]
        found = await self._admin.list_consumer_group_offsets(
            self._settings.app_id, partitions=wanted
        )
        return {tp: entry.offset for tp, entry in found.items() if entry.offset >= 0}

    async def begin(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the group has to read on: what it committed, else where a partition begins.

        Raises:
            KafkaError, TimeoutError: nobody tells.
        """
        wanted = [TopicPartition(tp.topic, tp.partition) for tp in partitions]
        committed = await self.committed(wanted)
        async with self._lock:
            first: dict[TopicPartition, int] = await self._reader.beginning_offsets(
                [tp for tp in wanted if tp not in committed]
            )
        return first | committed

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where each partition ends, for those that are not empty."""
        async with self._lock:
            found = await ends(self._reader, partitions, self._settings)
        return {tp: end for tp, end in found.items() if end > 0}
