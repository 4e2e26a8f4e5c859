"""The directory: which topics exist and how many partitions they have, without creating any."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from mode import Service

from flrouter.kafka.cluster.clients import connection
from flrouter.settings.model import Settings

#: how long it believes that a topic is there, and that it is not. Names in `reply_to` come from
#: outside, so a flood of unknown ones must not become a flood of look-ups.
BELIEVED_PRESENT_S = 30.0
BELIEVED_ABSENT_S = 1.0
#: between two looks for answers whose topic it does not know.
AGAIN_PAUSE_S = 0.2
#: between two looks at the topics that the router needs: is each there, with as many partitions as
#: before? Looks at all topics are rarer, as there may be thousands.
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
        changed: told of a topic that came, went or has other partitions: how many before and now.
        watched: the topics that it looks at every few seconds.
        """
        super().__init__()
        self._settings = settings
        self._watched = watched
        self._changed = changed
        self._client: AIOKafkaClient = None
        self._counts: dict[str, int] = {}
        #: when (monotonic s) the last question ended, and when the last answered one began.
        self._asked_at = self._began_at = 0.0
        self._asking = asyncio.Lock()

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
        """Ask the cluster, however young its last answer is; all who ask meanwhile share the next.

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
        began_at = time.monotonic()
        try:
            cluster = await self._client.fetch_all_metadata()
        except KafkaError as error:
            self.log.warning("cannot list topics: %r", error)
        else:
            topics = cluster.topics()
            self._note({topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics})
            self._began_at = began_at
        self._asked_at = time.monotonic()

    async def _look_at_watched(self) -> None:
        watched = set(self._watched())
        question = MetadataRequest(sorted(watched), allow_auto_topic_creation=False)
        try:
            answer = await self._client.send(self._client.get_random_node(), question)
        except KafkaError:
            await self._look()  # which asks one broker after the other
            return
        others = {topic: count for topic, count in self._counts.items() if topic not in watched}
        counts = {topic: len(those) for error, topic, _, those in answer.topics if not error}
        self._note(others | counts)

    def _note(self, counts: dict[str, int]) -> None:
        """Answer this from now on, and tell of what has changed since the first look."""
        before, self._counts = self._counts, counts
        for topic in before.keys() | counts.keys() if self._asked_at else ():
            was, now = before.get(topic, 0), counts.get(topic, 0)
            if was != now:
                self._changed(topic, was, now)

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
