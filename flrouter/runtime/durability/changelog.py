"""A changelog of one shard: who wrote which row, and what a former owner's late rows undo.

A queue inside a client cannot be gated, so a worker that was frozen may still write rows after its
shard went to another. Whoever takes a shard over writes a *fence* into each changelog; its offset
is the *epoch* of the rows behind it. A row of an older epoch behind a fence is *foreign*: it counts
for nothing, and the owner writes its key again.

Release 0.1.0 knows neither: to it a fence is a row that is gone, and its own rows have no epoch. So
these always count, for they may be those of an owner to whom the shard went back.

Compaction may take a fence away after a day, as all that is gone. No foreign row stands behind it
by then that the owner would not have written again, and that is what is left of its key.

At least once, the rows of one checkpoint go to the changelogs of several tables, and a kill may
leave some of them. So a *seal* follows when all are durable: it says up to where each of the
shard's changelogs counts. Rows behind that are as foreign ones, and what they stand for is done
anew, as the positions of that checkpoint are not committed either. Two kinds of rows need no seal:
those of a transaction, whose owner has written again what was not sealed; and those of release
0.1.0, to which all that lies before counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct

import msgspec

from flrouter.core.values.effects import Headers, Send
from flrouter.messages.headers import ROW, SEAL
from flrouter.ports import OffsetRange, Partition, Record
from flrouter.runtime.durability.formats import NewerFormat

#: the key of fences: no row's is empty. Always the same, so that compaction leaves one at most.
FENCE_KEY = b""
#: the key of seals, and in whose changelog they lie. Like fences they have no value: whoever does
#: not know them sees a row that is gone.
SEAL_KEY = b"\0seal"
SEAL_TABLE = "floodlights"
#: in what way rows are written, under what keys: before they had a header it was 0.
UNSTAMPED, WHOLE, SEALED = 0, 1, 2
#: the last format that there is.
FORMAT = SEALED
#: the epoch of rows that say none: it is behind every fence.
_NO_EPOCH = 1 << 62
#: ms; rows that nobody sealed for so long count: compaction may soon take what they replaced. It
#: waits for twice as long (`min.compaction.lag.ms`), as workers' clocks may differ.
MAX_UNSEALED_MS = 300_000

#: of the header of rows, seals and fences: the format, and the epoch.
_HEADER = Struct(">Bq")
_encode = msgspec.msgpack.Encoder().encode
_read_ends = msgspec.msgpack.Decoder(dict[str, int]).decode

#: takes (table, key, value or None) of a row that counts.
Apply = Callable[[str, bytes, bytes | None], None]


class Fenced(RuntimeError):
    """Another worker has taken the shard over."""


@lru_cache(10_000)  # all rows of an owner have the same ones
def stamp(epoch: int, version: int = WHOLE) -> Headers:
    """The headers of a row that is written under `epoch` in this format."""
    return ((ROW, _HEADER.pack(version, epoch)),)


def stamp_of(row: Record, where: Partition) -> tuple[int, int]:
    """The format and the epoch that a row was written in.

    Raises:
        NewerFormat: this release cannot read it.
    """
    for name, value in row.headers:
        if name == ROW and value is not None:
            version = value[0]
            if version > FORMAT:
                raise NewerFormat(f"{where} holds rows", version, FORMAT)
            epoch: int = _HEADER.unpack(value)[1]
            return version, epoch
    return UNSTAMPED, _NO_EPOCH


@dataclass(eq=False)
class Seals:
    """How far a shard's changelogs count, as its last seal says."""

    #: table → the offset behind what is sealed; empty: nobody knows of a seal.
    ends: dict[str, int] = field(default_factory=dict)
    #: of the last seal that was read; -1: none was.
    epoch: int = -1
    #: table → the offset behind the last row of release 0.1.0.
    unstamped: dict[str, int] = field(default_factory=dict)
    #: the shard's.
    changelogs: list[Changelog] = field(default_factory=list)

    def read(self, row: Record, epoch: int) -> None:
        """Take a seal. One that comes again, late, takes nothing back."""
        for name, value in row.headers:
            if name == SEAL and value is not None:
                ends = _read_ends(value)
                if epoch == self.epoch:
                    ends = {table: max(end, self.ends.get(table, 0)) for table, end in ends.items()}
                self.ends, self.epoch = ends, epoch

    @property
    def all_counts(self) -> bool:
        """Whether nobody knows of a seal, or 0.1.0, to which all counts, had the shard since."""
        ends = self.ends
        return not ends or any(row > ends.get(table, 0) for table, row in self.unstamped.items())

    def clear(self) -> None:
        """Nothing was read."""
        self.ends, self.epoch, self.unstamped = {}, -1, {}


@dataclass(eq=False)
class Changelog:
    """One table of one shard, as this worker follows or writes it."""

    table: str
    partition: Partition
    #: the next offset to replay; what lies before was taken.
    position: int = 0
    #: of the shard, whose changelogs share them.
    seals: Seals = field(default_factory=Seals)
    #: the format of the owner's rows.
    version: int = WHOLE
    #: whether the marker of the owner's last transaction comes before its next rows.
    marked: bool = False
    #: the last fence before that; -1 when there is none.
    fence: int = -1
    #: of this worker's own rows; -1 until its fence is durable.
    epoch: int = -1
    #: how many rows were replayed, without foreign ones.
    count: int = 0
    #: whether a local copy had rows of it before any was replayed.
    copied: bool = False
    #: whether foreign rows came whose keys the next checkpoint writes again: before it is durable,
    #: nobody may go on behind them.
    torn: bool = False
    #: what lies before counted at the takeover.
    counted_to: int = 0
    #: keys whose last row is foreign.
    foreign: set[bytes] = field(default_factory=set)
    #: key → what is wrong with its last row, which no release wrote, and what to do.
    unreadable: dict[bytes, str] = field(default_factory=dict)
    #: from the first row on of which nobody knows yet whether it counts: rows, each with its epoch.
    _held: deque[tuple[Record, int]] = field(default_factory=deque)
    #: rows before that offset need no seal.
    _needs_none: int = 0
    #: the last fence of those that are held, too.
    _newest_fence: int = -1

    def __post_init__(self) -> None:
        self.seals.changelogs.append(self)

    def replay(self, rows: Sequence[Record], apply: Apply) -> None:
        """Take rows in order; those that count go to `apply`, unless they wait for their seal.

        Raises:
            NewerFormat: one cannot be read.
        """
        sealed = self.seals.ends.get(self.table, 0)
        for row in rows:
            self.position = row.offset + 1
            if row.key is None:
                continue
            version, epoch = stamp_of(row, self.partition)
            if row.key == SEAL_KEY:
                if epoch >= self._newest_fence:
                    self.seals.read(row, epoch)
                continue
            if row.key == FENCE_KEY:
                self._newest_fence = row.offset
            elif version != SEALED and epoch >= self._newest_fence:
                self._needs_none = row.offset + 1
                if version == UNSTAMPED:
                    self.seals.unstamped[self.table] = row.offset + 1
            if not self._held and row.offset < max(sealed, self._needs_none):
                self._take(row, epoch, apply)
            else:
                self._held.append((row, epoch))
        # A seal is for rows of other tables, too.
        for changelog in self.seals.changelogs if self.table == SEAL_TABLE else (self,):
            changelog._release(apply)

    def _release(self, apply: Apply) -> None:
        """Let rows go on that are sealed by now."""
        until = max(self._needs_none, self.seals.ends.get(self.table, 0))
        held = self._held
        while held and held[0][0].offset < until:
            self._take(*held.popleft(), apply)

    def _take(self, row: Record, epoch: int, apply: Apply) -> None:
        key = row.key or b""
        if key == FENCE_KEY:
            self.fence = row.offset
        elif epoch < self.fence:
            self.foreign.add(key)
        else:
            self.foreign.discard(key)
            self.unreadable.pop(key, None)
            self.count += 1
            try:
                apply(self.table, key, row.value)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                at = f"{self.partition}: the row at offset {row.offset}"
                self.unreadable[key] = (
                    f"{at} with the key {key!r:.200} cannot be read ({error}); if the"
                    " router can do without what it said, write a record with this key and"
                    " a null value to that partition"
                )

    def settle(self, apply: Apply) -> None:
        """No seal comes any more: rows that wait for one are foreign, or all count."""
        if self.seals.all_counts:
            self._needs_none = self.position
        elif self._held:
            newest = self._held[-1][0].timestamp
            old = [row for row, _ in self._held if row.timestamp < newest - MAX_UNSEALED_MS]
            if old:
                self._needs_none = max(self._needs_none, old[-1].offset + 1)
        self._release(apply)
        self.counted_to = self._held[0][0].offset if self._held else self.position
        for row, _ in self._held:
            if row.key == FENCE_KEY:
                self.fence = row.offset
            elif row.key:
                self.foreign.add(row.key)
        self._held.clear()

    def copied_to(self, position: int, fence: int) -> None:
        """A local copy has what lies before; all of that counts."""
        self.position, self.copied = position, True
        self.fence = self._newest_fence = fence
        self.seals.ends[self.table] = position

    def reached(self, end: int) -> None:
        """All that lies before `end` was replayed, also where compaction left nothing."""
        self.position = max(self.position, end)

    def start_over(self) -> None:
        """Nothing of it was replayed."""
        self.position, self.count, self.counted_to, self.copied = 0, 0, 0, False
        self.fence = self._newest_fence = -1
        self._needs_none = 0
        self._held.clear()
        self.seals.clear()
        self.foreign.clear()
        self.unreadable.clear()

    def a_fence(self) -> Send:
        """The record that takes the changelog over."""
        return Send(*self.partition, FENCE_KEY, None, stamp(-1))

    def fenced(self, offsets: OffsetRange) -> None:
        """The fence is durable there."""
        self.epoch = offsets.first

    def row(self, key: str, value: bytes | None) -> Send:
        """A row of the owner's; `value` None where the key is gone."""
        return Send(*self.partition, key.encode(), value, stamp(self.epoch, self.version))

    def written(self, rows: OffsetRange) -> tuple[int, int] | None:
        """The owner's rows are durable there; returns the offsets between which others lie, too.

        They are to be replayed into :meth:`intruded`.
        """
        first = self.position
        if rows.next <= first:
            return None
        own = rows.first == first + self.marked and rows.next - rows.first == rows.records
        self.position, self.marked = rows.next, rows.marked
        return None if own else (first, rows.next)

    def ended(self, end: int) -> tuple[int, int] | None:
        """It ends there while no row of the owner's is in flight; returns where foreign rows lie.

        Call :meth:`reached` once they were looked at: the owner's next rows do not count before.
        """
        return None if end <= self.position else (self.position, end)

    def intruded(self, rows: Sequence[Record]) -> set[bytes]:
        """The keys of foreign rows among these; the owner has to write them again.

        Also that of a seal: compaction leaves the last one, and one of the owner's follows then.

        Raises:
            Fenced: the shard is another worker's.
            NewerFormat: one cannot be read.
        """
        keys = set()
        for row in rows:
            _, epoch = stamp_of(row, self.partition)
            if row.key == FENCE_KEY:
                if row.offset != self.epoch:
                    raise Fenced(f"{self.partition} is fenced")
            elif row.key is not None and epoch != self.epoch:
                keys.add(row.key)
        return keys


def a_seal(changelogs: Sequence[Changelog], ends: Mapping[str, int] | None = None) -> Send:
    """The record that makes all rows of a shard count up to where its changelogs were written.

    Or, for each table, up to `ends`.
    """
    if ends is None:
        ends = {changelog.table: changelog.position for changelog in changelogs}
    [home] = [changelog for changelog in changelogs if changelog.table == SEAL_TABLE]
    headers = (*stamp(home.epoch), (SEAL, _encode(ends)))
    return Send(*home.partition, SEAL_KEY, None, headers)
