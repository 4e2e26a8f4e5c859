"""What a worker's shards are made of: from scratch, a standby's shard, or a local copy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from flrouter.core.shard import Shard
from flrouter.core.state.rules import Rules
from flrouter.core.values.home import shard_of
from flrouter.ports import Partition
from flrouter.runtime.durability.changelog import Apply, Changelog
from flrouter.runtime.durability.guarantee import Checkpoint
from flrouter.runtime.ownership.runner import Share
from flrouter.runtime.state.reading import changelogs_of, clear, put
from flrouter.runtime.state.standby import MakeReading, Standby
from flrouter.runtime.state.store import Copy, Place
from flrouter.settings.model import Settings


class Shares:
    """Makes shards."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        reads: MakeReading,
        copy_in: Callable[[Path], Copy] = Copy,
    ) -> None:
        """`reads` makes what reads for the standby, `copy_in` opens the local copy in a folder."""
        self._settings = settings
        self._rules = rules
        self._copy_in = copy_in
        self.standby = Standby(settings, self._new, reads) if settings.standby else None
        self._copies: dict[int, Copy] = {}
        self._changelogs: list[Changelog] = []
        #: changelog records that were read, of all restores so far.
        self.restored_records = 0

    def _new(self, number: int) -> Shard:
        return Shard(number, self._rules, self._settings.message_catalog)

    def dealt(self, assigned: Collection[Partition]) -> dict[int, list[Partition]]:
        """The shards that were dealt, and which of these partitions each reads.

        A leader of release 0.1.0 deals the partitions of inbound topics that have other partitions
        than there are shards to anybody. Any shard reads them as well: commands go on to their
        homes. Who was dealt no shard reads none.
        """
        read_by: dict[int, list[Partition]] = {
            at.number: [] for at in assigned if at.topic == self._settings.shards_topic
        }
        for at in assigned if read_by else ():
            number = shard_of(at.number, self._settings.partitions)
            read_by[number if number in read_by else min(read_by)].append(at)
        return read_by

    def make(self, dealt: Mapping[int, Collection[Partition]]) -> Mapping[int, Share]:
        """What these shards are made of."""
        self._changelogs = []
        return {number: self._share(number, list(own)) for number, own in sorted(dealt.items())}

    def _share(self, number: int, partitions: Sequence[Partition]) -> Share:
        followed = self.standby.hand_over(number) if self.standby is not None else None
        core, changelogs = followed or (self._new(number), changelogs_of(self._settings, number))
        self._changelogs += changelogs
        if self._settings.store != "rocksdb":
            apply = self._counted(partial(put, core))
            return Share(core, apply, changelogs, partitions, partial(clear, core))
        copy = self._copies[number] = self._copy_in(self._settings.data_path / f"shard-{number}")
        places = copy.load(partial(put, core))
        for changelog in changelogs:
            place = places.get(changelog.partition.topic)
            if place is not None:
                changelog.copied_to(*place)

        def put_and_copy(table: str, key: bytes, value: bytes | None) -> None:
            put(core, table, key, value)
            copy.save_later(table, key, value)

        def start_over() -> None:
            clear(core)
            copy.clear()

        return Share(core, self._counted(put_and_copy), changelogs, partitions, start_over)

    def _counted(self, apply: Apply) -> Apply:
        def take(table: str, key: bytes, value: bytes | None) -> None:
            self.restored_records += 1
            apply(table, key, value)

        return take

    @property
    def count(self) -> int:
        """How many changelog records it took to restore those that were made last."""
        return sum(changelog.count for changelog in self._changelogs)

    @property
    def left(self) -> int:
        """How many changelog records are to be read yet, as far as is known."""
        return sum(max(changelog.epoch - changelog.position, 0) for changelog in self._changelogs)

    def own(self, own: Collection[int]) -> None:
        """These shards are this worker's: follow all others."""
        if self.standby is not None:
            self.standby.follow(set(range(self._settings.partitions)) - set(own))

    def saved(self, number: int, checkpoint: Checkpoint, changelogs: Sequence[Changelog]) -> None:
        """A checkpoint is durable: bring the same bytes into the local copy of the shard."""
        copy = self._copies.get(number)
        if copy is None:
            return
        tables = {changelog.partition.topic: changelog.table for changelog in changelogs}
        rows = ((tables[row.topic], row.key or b"", row.value) for row in checkpoint.rows)
        places = {one.partition.topic: Place(one.position, one.fence) for one in changelogs}
        if any(one.torn for one in changelogs):
            places = {}  # a restart reads all of this again, with its seal
        copy.save(rows, places)

    def close(self, numbers: Collection[int]) -> None:
        """Let others open the local copies of these shards."""
        for number in self._copies.keys() & set(numbers):
            self._copies.pop(number).close()
