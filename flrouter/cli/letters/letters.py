"""Dead letters as they lie in their topic, and which of them have been replayed.

A replay writes a mark to the same topic: a record without a value, whose header names the letter.
So every reader of the topic can tell replayed letters from new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec
from rich.progress import Progress

from flrouter.cli.kafka import partition_counts
from flrouter.core.values.request import read_number
from flrouter.failure import Failure
from flrouter.kafka import replay
from flrouter.messages import headers as header
from flrouter.messages.correlation import salvage
from flrouter.ports import Partition, Record
from flrouter.settings.model import Settings


class Letter(msgspec.Struct, frozen=True):
    """A record that could not be used."""

    #: its partition and offset in the dead-letter topic.
    partition: int
    offset: int
    #: ms since the epoch: when it was written there.
    at: int
    reason: str
    #: the topic that the record came from, and its place there as `partition/offset`, if known.
    topic: str
    place: str
    #: bytes of the whole record's value.
    size: int
    #: the whole value, or its first bytes.
    value: bytes
    #: the record's own headers.
    headers: list[tuple[str, bytes | None]]
    replayed: bool

    @property
    def name(self) -> str:
        """The name of the letter on the command line."""
        return f"{self.partition}/{self.offset}"

    @property
    def whole(self) -> bool:
        """Whether the whole value was kept."""
        return self.size == len(self.value)

    @property
    def correlation_id(self) -> str:
        """Empty when it is not known."""
        return salvage(self.value, "correlation_id") or ""


class Wanted(msgspec.Struct, frozen=True):
    """A filter of letters."""

    #: names of letters; empty: all letters.
    names: Collection[str] = ()
    topic: str = ""
    #: text that the reason must contain; case does not matter.
    reason: str = ""
    #: ms since the epoch.
    since: int = 0
    #: whether to include letters that were replayed.
    replayed: bool = False

    def takes(self, letter: Letter) -> bool:
        """Whether the filter accepts a letter."""
        return (
            (self.replayed or not letter.replayed)
            and (not self.names or letter.name in self.names)
            and (not self.topic or letter.topic == self.topic)
            and self.reason.lower() in letter.reason.lower()
            and letter.at >= self.since
        )


def read(settings: Settings, wanted: Wanted, bar: Progress, take: Callable[[Letter], None]) -> None:
    """Pass each wanted letter of the topic to `take`, in the order of its partition.

    Raises:
        Failure: there is no dead-letter topic.
        ConnectionError: brokers did not answer.
    """
    topic = settings.dead_letters
    count = partition_counts(settings).get(topic, 0)
    if not count:
        raise Failure(
            f"there is no topic {topic}: has a router with app id {settings.app_id!r} ever run"
            " there? See FLROUTER_APP_ID and FLROUTER_DEAD_LETTER_TOPIC"
        )
    starts = {Partition(topic, number): 0 for number in range(count)}
    ends = replay.ends(settings, starts)
    marked: set[bytes | None] = set()

    def pass_over(doing: str, take_row: Callable[[Partition, Record], None]) -> None:
        positions = dict(starts)
        task = bar.add_task(doing, total=sum((ends or {}).values()))

        def take_rows(at: Partition, rows: Sequence[Record]) -> None:
            for row in rows:
                take_row(at, row)
            positions[at] = rows[-1].offset + 1
            bar.update(task, completed=sum(positions.values()))

        if ends is None or not replay.replay(settings, starts, ends, take_rows):
            raise ConnectionError("the dead letters could not be read")

    def mark(_at: Partition, row: Record) -> None:
        marked.add(dict(row.headers).get(header.REPLAYED))

    def offer(at: Partition, row: Record) -> None:
        if header.REPLAYED not in dict(row.headers):
            letter = _letter(at.number, row, marked)
            if wanted.takes(letter):
                take(letter)

    pass_over("reading marks", mark)
    pass_over("reading letters", offer)


def _letter(partition: int, row: Record, marked: Collection[bytes | None]) -> Letter:
    value = row.value or b""
    own = {name: value for name, value in row.headers if header.is_own(name)}

    def said(name: str) -> str:
        return (own.get(name) or b"").decode("utf-8", "replace")

    size = read_number(said(header.SIZE))
    from_partition, from_offset = said(header.PARTITION), said(header.OFFSET)
    return Letter(
        partition,
        row.offset,
        row.timestamp,
        said(header.REASON),
        said(header.TOPIC),
        f"{from_partition}/{from_offset}" if from_partition and from_offset else "",
        len(value) if size is None else size,
        value,
        [item for item in row.headers if item[0] not in own],
        f"{partition}/{row.offset}".encode() in marked,
    )
