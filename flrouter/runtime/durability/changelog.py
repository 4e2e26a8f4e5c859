"""A changelog of one shard: who wrote which row, and what a former owner's late rows undo.

A queue inside a client cannot be gated, so a worker that was frozen may still write rows after its
shard went to another. Whoever takes a shard over writes a *fence* into each changelog; its offset
is the *epoch* of the rows behind it. A row of an older epoch behind a fence is *foreign*: it counts
for nothing, and the owner writes its key again.

Release 0.1.0 knows neither: to it a fence is a row that is gone, and its own rows have no epoch. So
these always count, for they may be those of an owner to whom the shard went back.

Compaction may take a fence away after a day, as all that is gone. No foreign row stands behind it
by then that the owner would not have written again, and that is what is left of its key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct

import msgspec

from flrouter.core.values.effects import Headers, Send
from flrouter.messages.headers import ROW
from flrouter.ports import OffsetRange, Partition, Record
from flrouter.runtime.durability.formats import NewerFormat

#: the key of fences: no row's is empty. Always the same, so that compaction leaves one at most.
FENCE_KEY = b""
#: how rows are written now: in what way, under what keys. Before they had a header it was 0.
FORMAT = 1

#: of the header of rows and fences: the format, and the epoch.
_HEADER = Struct(">Bq")


class Fenced(RuntimeError):
    """Another worker has taken the shard over."""


@lru_cache(10_000)  # all rows of an owner have the same ones
def stamp(epoch: int) -> Headers:
    """The headers of a row that is written under `epoch`."""
    return ((ROW, _HEADER.pack(FORMAT, epoch)),)


def epoch_of(row: Record, where: Partition) -> int | None:
    """The epoch that a row was written under; None for rows of format 0, which do not say.

    Raises:
        NewerFormat: this release cannot read it.
    """
    for name, value in row.headers:
        if name == ROW and value is not None:
            version = value[0]
            if version > FORMAT:
                raise NewerFormat(f"{where} holds rows", version, FORMAT)
            epoch: int = _HEADER.unpack(value)[1]
            return epoch
    return None


@dataclass(eq=False)
class Changelog:
    """One table of one shard, as this worker follows or writes it."""

    table: str
    partition: Partition
    #: the next offset to replay; what lies before is in the table already.
    position: int = 0
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
    #: keys whose last row is foreign.
    foreign: set[bytes] = field(default_factory=set)
    #: key → what is wrong with its last row, which no release wrote, and what to do.
    unreadable: dict[bytes, str] = field(default_factory=dict)

    def replay(
        self, rows: Sequence[Record], apply: Callable[[str, bytes, bytes | None], None]
    ) -> None:
        """Take rows in order; those that count go to `apply` (table, key, value).

        Raises:
            NewerFormat: one cannot be read.
        """
        for row in rows:
            self.position = row.offset + 1
            if row.key is None:
                continue
            epoch = epoch_of(row, self.partition)
            if row.key == FENCE_KEY:
                self.fence = row.offset
            elif epoch is not None and epoch < self.fence:
                self.foreign.add(row.key)
            else:
                self.foreign.discard(row.key)
                self.unreadable.pop(row.key, None)
                self.count += 1
                try:
                    apply(self.table, row.key, row.value)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    at = f"{self.partition}: the row at offset {row.offset}"
                    self.unreadable[row.key] = (
                        f"{at} with the key {row.key!r:.200} cannot be read ({error}); if the"
                        " router can do without what it said, write a record with this key and"
                        " a null value to that partition"
                    )

    def reached(self, end: int) -> None:
        """All that lies before `end` was replayed, also where compaction left nothing."""
        self.position = max(self.position, end)

    def start_over(self) -> None:
        """Nothing of it was replayed."""
        self.position, self.fence, self.count, self.copied = 0, -1, 0, False
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
        return Send(*self.partition, key.encode(), value, stamp(self.epoch))

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

        Raises:
            Fenced: the shard is another worker's.
            NewerFormat: one cannot be read.
        """
        keys = set()
        for row in rows:
            epoch = epoch_of(row, self.partition)
            if row.key == FENCE_KEY:
                if row.offset != self.epoch:
                    raise Fenced(f"{self.partition} is fenced")
            elif row.key is not None and epoch != self.epoch:
                keys.add(row.key)
        return keys
