"""The standby: shards of other workers, followed so closely that taking them over is quick.

Without it a worker that takes a shard over reads its changelogs from their beginning. With it only
what came in the last moments is left to read; the price is that each worker holds the tables of all
shards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from mode import Service

from flrouter.core.shard import Shard
from flrouter.kafka.reader import Batch, Deliver, Gone
from flrouter.ports import Partition, Start
from flrouter.runtime.durability.changelog import Changelog
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.state.reading import changelogs_of, put
from flrouter.settings.model import Settings


class Reading(Protocol):
    """Reads partitions, and gives what comes to whoever made it."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Read no more."""

    def read(self, starts: Mapping[Partition, Start]) -> None:
        """From now on read these; one whose start is the same as before goes on."""

    def taken(self, at: Partition, count: int) -> None:
        """So many records of a partition were worked on."""


#: makes what reads, as a :class:`~flrouter.kafka.reader.Reader` does.
MakeReading = Callable[[Deliver, Gone], Reading]


class Followed(NamedTuple):
    """A shard that does nothing, and how far its changelogs were read into it."""

    core: Shard
    changelogs: Sequence[Changelog]


class Standby(Service):
    """Reads the changelogs of shards that this worker does not own into shards that do nothing."""

    def __init__(
        self, settings: Settings, make: Callable[[int], Shard], reads: MakeReading
    ) -> None:
        super().__init__()
        self._settings = settings
        self._make = make
        self._reader = reads(self._take, self._gone)
        #: counts the calls of `follow`: what was read for an older one is left out.
        self._term = 0
        self._shards: dict[int, Followed] = {}
        self._changelogs: dict[Partition, Changelog] = {}

    async def on_start(self) -> None:
        """Connect."""
        self._reader.start()

    async def on_shutdown(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    def follow(self, numbers: Collection[int]) -> None:
        """From now on follow these shards, from the beginning those that were not followed."""
        for number in self._shards.keys() - set(numbers):
            del self._shards[number]
        for number in set(numbers) - self._shards.keys():
            self._begin(number)
        self._read()

    def hand_over(self, number: int) -> Followed | None:
        """Stop following a shard; returns it if it was followed."""
        return self._shards.pop(number, None)

    def _begin(self, number: int) -> None:
        changelogs = changelogs_of(self._settings, number)
        self._shards[number] = Followed(self._make(number), changelogs)

    def _read(self) -> None:
        self._term += 1
        self._changelogs = {
            changelog.partition: changelog
            for followed in self._shards.values()
            for changelog in followed.changelogs
        }
        changelogs = self._changelogs.items()
        self._reader.read({at: Start(one.position, self._term) for at, one in changelogs})

    def _take(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            followed = self._shards.get(batch.at.number)
            if batch.term == self._term and followed is not None:
                changelog = self._changelogs[batch.at]
                try:
                    changelog.replay(batch.records, partial(put, followed.core))
                except NewerFormat as error:
                    self.log.warning("no longer followed: %s", error)
                    del self._shards[batch.at.number]
                changelog.reached(batch.next_offset)
            self._reader.taken(batch.at, len(batch.records))

    def _gone(self, at: Partition, _: int, first: int, term: int) -> None:
        """A changelog was made anew, or lost its beginning: so must be what was read of it."""
        if term == self._term and at.number in self._shards:
            self._begin(at.number)
            for changelog in self._shards[at.number].changelogs:
                if changelog.partition == at:
                    changelog.reached(first)
            self._read()
