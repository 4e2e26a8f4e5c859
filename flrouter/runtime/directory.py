"""The directory: which topics exist and how many partitions they have, without creating any."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from mode import Service

from flrouter.runtime.clients import connection
from flrouter.settings import Settings

#: s; how long it believes that a topic is there, and that it is not. Names in `reply_to` come from
#: outside, so a flood of unknown ones must not become a flood of look-ups.
FRESH = 30.0
ABSENT = 1.0
#: s; between two looks at whether topics have other partitions than before.
WATCH_INTERVAL_S = 5.0


class Directory(Service):
    """Answers from memory; asks the cluster about all topics at once when it does not know."""

    def __init__(self, settings: Settings, changed: Callable[[str, int, int], None]) -> None:
        """Args:
        settings: where the brokers are.
        changed: told of a topic that came, went or has other partitions: how many before and now.
        """
        super().__init__()
        self._settings = settings
        self._changed = changed
        self._client: AIOKafkaClient | None = None
        self._counts: dict[str, int] = {}
        self._asked_at = 0.0
        self._asking: asyncio.Lock = asyncio.Lock()

    async def on_start(self) -> None:
        """Connect."""
        self._client = AIOKafkaClient(**connection(self._settings))
        await self._client.bootstrap()
        await self._ask()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def partitions(self, topic: str) -> int | None:
        """How many partitions `topic` has; None when there is no such topic."""
        count = self._counts.get(topic)
        age = time.monotonic() - self._asked_at
        if age > (FRESH if count is not None else ABSENT):
            await self.look()
            count = self._counts.get(topic)
        return count

    async def look(self) -> None:
        """Ask the cluster, unless that was done a moment ago."""
        async with self._asking:
            if time.monotonic() - self._asked_at > ABSENT:
                await self._ask()

    def known(self, topic: str) -> int | None:
        """The same, from memory alone."""
        return self._counts.get(topic)

    async def _ask(self) -> None:
        assert self._client is not None
        try:
            cluster = await self._client.fetch_all_metadata()
        except KafkaError as error:
            self.log.warning("cannot list topics: %r", error)
        else:
            before, self._counts = (
                self._counts,
                {
                    topic: len(cluster.partitions_for_topic(topic) or ())
                    for topic in cluster.topics()
                },
            )
            if self._asked_at:
                for topic in {topic for topic, _ in before.items() ^ self._counts.items()}:
                    self._changed(topic, before.get(topic, 0), self._counts.get(topic, 0))
        self._asked_at = time.monotonic()

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(WATCH_INTERVAL_S)
            await self.look()
