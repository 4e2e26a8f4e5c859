"""What is kept of shards, held against each other: changelogs, standbys and local copies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flrouter.core.shard import Shard
from flrouter.ports import Record
from flrouter.runtime.durability.changelog import FENCE_KEY, SEAL_TABLE, stamp
from flrouter.runtime.ownership.runner import Share
from flrouter.runtime.state.shares import Shares
from flrouter.runtime.state.store import Copy

from .kafka import AGING, Following
from .promises import Violation

if TYPE_CHECKING:
    from .workers import Process, Workers


class Disk(dict[bytes, bytes]):
    """What RocksDB is to a local copy; it outlives the processes of its worker."""

    def close(self) -> None:
        """Nothing: only one process at a time has it."""


class MemoryCopy(Copy):
    """A local copy on such a disk."""

    def __init__(self, disks: dict[Path, Disk], folder: Path) -> None:
        self._disks = disks
        super().__init__(folder)

    def _open(self) -> Disk:
        return self._disks.setdefault(self._folder, Disk())

    def _write(self, changes: Mapping[bytes, bytes | None]) -> None:
        for key, value in changes.items():
            if value is None:
                self._db.pop(key, None)
            else:
                self._db[key] = value

    def _remove(self) -> None:
        del self._disks[self._folder]


def check_changelogs(workers: Workers) -> None:
    """Every shard's tables are what its changelogs say, when nothing is under way."""
    for _, shard in workers.shards():
        number = shard.context.number
        said = _restored(workers, number, None)
        for one in said.changelogs:
            if one.foreign:
                raise Violation(
                    "no foreign rows are left", f"{one.partition}: {sorted(one.foreign)}"
                )
        _compare("tables equal their changelogs", f"shard {number}", shard, said.core)


def check_standbys(workers: Workers) -> None:
    """Standbys hold what the shards do, when nothing is under way."""
    cores = {shard.context.number: shard for _, shard in workers.shards()}
    for process in workers.alive:
        process.follow()
        standby = process.makes.standby
        for number, followed in standby._shards.items() if standby is not None else ():
            _compare("standbys follow", f"{process}, shard {number}", cores[number], followed.core)


def check_restart(workers: Workers, process: Process) -> None:
    """From its local copies a worker would restart with what the changelogs say."""
    for number in process.makes._copies:
        if not any(at.number == number for at in workers.cluster.limbos):
            disks = {at: Disk(disk) for at, disk in workers.disks[process.slot].items()}
            said, kept = _restored(workers, number, None), _restored(workers, number, disks)
            where = f"{process}, shard {number}"
            _compare("a copy restarts as its changelogs say", where, said.core, kept.core)
            for one, other in zip(said.changelogs, kept.changelogs, strict=True):
                if unknown := one.foreign - other.foreign:
                    raise Violation("a copy knows what to mend", f"{one.partition}: {unknown}")


def _restored(workers: Workers, number: int, disks: dict[Path, Disk] | None) -> Share:
    """A shard as whoever takes it over now would have it, from its local copy if there is one."""
    cluster = workers.cluster
    settings = workers.settings
    if disks is None:
        settings = dataclasses.replace(settings, store="memory")
    reads = partial(Following, cluster)
    shares = Shares(settings, workers.rules, reads, partial(MemoryCopy, disks or {}))
    share = shares.make({number: []})[number]
    for one in sorted(share.changelogs, key=lambda one: one.table != SEAL_TABLE):
        end = cluster.end(one.partition)
        fence = Record(end, FENCE_KEY, None, stamp(-1), AGING * workers.topics.now)
        one.replay([*cluster.rows(one.partition, one.position, end), fence], share.apply)
        one.reached(end + 1)
    for one in share.changelogs:
        one.settle(share.apply)
    return share


def _compare(promise: str, where: str, shard: Shard, other: Shard) -> None:
    for mine, theirs in zip(shard.context.tables, other.context.tables, strict=True):
        wrong = [key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)]
        if wrong:
            raise Violation(promise, f"{where}: {mine.name}/{wrong}")
