"""The directory: which topics exist and how many partitions they have, without creating any."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from mode import Service

from flrouter.kafka.cluster.clients import connection
from flrouter.settings.model import Settings

#: s; how long it believes that a topic is there, and that it is not. Names in `reply_to` come from
#: outside, so a flood of unknown ones must not become a flood of look-ups.
BELIEVED_PRESENT_S = 30.0
BELIEVED_ABSENT_S = 1.0
#: s; between two looks for answers whose topic it does not know.
AGAIN_PAUSE_S = 0.2
#: s; between two looks at the topics that the router cannot do without: whether each is there, and
#: has as many partitions as before. Clusters with thousands of others would pay for all of them.
WATCH_INTERVAL_S = 5.0


class Directory(Service):
    """Answers from memory; asks the cluster about all topics at once when it does not know."""

    def __init__(
        self,
        settings: Settings,
        changed: Callable[[str, int, int], None],
        watched: Callable[[], Iterable[str]],
    ) -> None:
        """Args:
        settings: where the brokers are.
        changed: told of a topic that came, went or has other partitions: how many before and now.
        watched: the topics that it looks at every few seconds.
        """
        super().__init__()
        self._settings = settings
        self._watched = watched
        self._changed = changed
        self._client: AIOKafkaClient | None = None
        self._counts: dict[str, int] = {}
        #: when (monotonic s) it was asked last, and when what it answered was asked for.
        self._asked_at = self._began_at = 0.0
        self._asking: asyncio.Lock = asyncio.Lock()

    async def on_start(self) -> None:
        """Connect."""
        self._client = AIOKafkaClient(**connection(self._settings))
        await self._client.bootstrap()
        await self._look()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def partitions(self, topic: str) -> int | None:
        """How many partitions `topic` has; None when there is no such topic."""
        count = self._counts.get(topic)
        age = time.monotonic() - self._asked_at
        if age > (BELIEVED_PRESENT_S if count is not None else BELIEVED_ABSENT_S):
            await self.look()
            count = self._counts.get(topic)
        return count

    async def look(self) -> None:
        """Ask the cluster about all topics, unless that was done a moment ago."""
        async with self._asking:
            if time.monotonic() - self._asked_at > BELIEVED_ABSENT_S:
                await self._look()

    async def look_again(self) -> None:
        """Ask the cluster, whatever it said before; whoever asks meanwhile shares the next answer.

        So no answer is given up for a topic that another worker has seen already.
        """
        wanted_at = time.monotonic()
        while self._began_at < wanted_at:
            async with self._asking:
                if self._began_at < wanted_at:
                    await asyncio.sleep(max(self._asked_at + AGAIN_PAUSE_S - time.monotonic(), 0))
                    await self._look()

    def known(self, topic: str) -> int | None:
        """The same, from memory alone."""
        return self._counts.get(topic)

    async def _look(self) -> None:
        first = not self._asked_at
        began_at = time.monotonic()
        try:
            cluster = await self._connected.fetch_all_metadata()
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
            if not first:
                self._compare(before, before.keys() | self._counts.keys())
            self._began_at = began_at
        self._asked_at = time.monotonic()

    async def _look_at_watched(self) -> None:
        watched = set(self._watched())
        node = self._connected.get_random_node()
        question = MetadataRequest(sorted(watched), allow_auto_topic_creation=False)
        try:
            answer = await self._connected.send(node, question)
        except KafkaError:
            await self._look()  # which asks one broker after the other
            return
        before = self._counts
        counts = {
            topic: len(partitions) for error, topic, _, partitions in answer.topics if not error
        }
        others = {topic: count for topic, count in before.items() if topic not in watched}
        self._counts = others | counts
        self._compare(before, watched)

    def _compare(self, before: Mapping[str, int], topics: Iterable[str]) -> None:
        for topic in topics:
            was, now = before.get(topic, 0), self._counts.get(topic, 0)
            if was != now:
                self._changed(topic, was, now)

    @property
    def _connected(self) -> AIOKafkaClient:
        assert self._client is not None
        return self._client

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            # One that was made a moment ago, by this worker or another one, is soon there.
            all_there = self._counts.keys() >= set(self._watched())
            await self.sleep(WATCH_INTERVAL_S if all_there else BELIEVED_ABSENT_S)
            async with self._asking:
                # Soon enough that no command waits for a look at all topics.
                if time.monotonic() - self._asked_at > BELIEVED_PRESENT_S - WATCH_INTERVAL_S:
                    await self._look()
                else:
                    await self._look_at_watched()
