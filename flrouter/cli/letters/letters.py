"""Dead letters as they lie in their topic, and which of them have been replayed.

A replay leaves a mark behind: a record without a value in the same topic, whose header names the
letter. So whoever reads the topic knows, and what was replayed is not taken for new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec
from rich.progress import Progress

from flrouter.cli.kafka import partition_counts
from flrouter.core.values.request import read_number
from flrouter.failure import Failure
from flrouter.messages import headers as header
from flrouter.messages.correlation import salvage
from flrouter.settings.model import Settings

#: the header of a mark: the name of the letter that was replayed.


class Letter(msgspec.Struct, frozen=True):
    """A record that could not be used."""

    #: where it lies in the topic of dead letters.
    partition: int
    offset: int
    #: ms since the epoch: when it was put there.
    at: int
    reason: str
    #: the topic that it was read from, and the place in it as `partition/offset`, if known.
    topic: str
    place: str
    #: bytes of the whole.
    size: int
    #: all of it, or only the head.
    value: bytes
    #: those that it came with.
    headers: list[tuple[str, bytes | None]]
    replayed: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.partition}/{self.offset}"

    @property
    def whole(self) -> bool:
        """Whether all of it was kept."""
        return self.size == len(self.value)

    @property
    def correlation_id(self) -> str:
        """Empty when nobody can tell."""
        return salvage(self.value, "correlation_id") or ""


class Wanted(msgspec.Struct, frozen=True):
    """Which letters."""

    #: empty: whatever their names.
    names: Collection[str] = ()
    topic: str = ""
    #: what the reason must contain, in upper or lower case.
    reason: str = ""
    #: ms since the epoch.
    since: int = 0
    #: also those that were replayed.
    replayed: bool = False

    def takes(self, letter: Letter) -> bool:
        """Whether it is one of them."""
        return (
            (self.replayed or not letter.replayed)
            and (not self.names or letter.name in self.names)
            and (not self.topic or letter.topic == self.topic)
            and self.reason.lower() in letter.reason.lower()
            and letter.at >= self.since
        )


async def letters(settings: Settings, wanted: Wanted, bar: Progress) -> AsyncIterator[Letter]:
    """All that lie there now, as they lie there; one at a time is held in memory.

    Raises:
        Failure: there is no such topic.
    """
    marked = set()
    async for record in _records(settings, bar, "reading marks"):
        name = dict(record.headers).get(header.REPLAYED)
        if name is not None:
            marked.add(name)
    async for record in _records(settings, bar, "reading letters"):
        if header.REPLAYED not in dict(record.headers):
            letter = _letter(record, marked)
            if wanted.takes(letter):
                yield letter


def _letter(record: Any, marked: Collection[bytes]) -> Letter:
    value = record.value or b""
    own = {name: value for name, value in record.headers if header.is_own(name)}

    def said(name: str) -> str:
        return (own.get(name) or b"").decode("utf-8", "replace")

    size = read_number(said(header.SIZE))
    partition, offset = said(header.PARTITION), said(header.OFFSET)
    return Letter(
        record.partition,
        record.offset,
        record.timestamp,
        said(header.REASON),
        said(header.TOPIC),
        f"{partition}/{offset}" if partition and offset else "",
        len(value) if size is None else size,
        value,
        [item for item in record.headers if item[0] not in own],
        f"{record.partition}/{record.offset}".encode() in marked,
    )


async def _records(settings: Settings, bar: Progress, doing: str) -> AsyncIterator[Any]:
    """Every record of the topic, up to where it ends now."""
    from aiokafka import TopicPartition

    from flrouter.kafka.cluster.clients import reader
    from flrouter.kafka.cluster.ends import ends

    topic = settings.dead_letters
    count = (await partition_counts(settings)).get(topic, 0)
    if not count:
        raise Failure(
            f"there is no topic {topic}: has a router with app id {settings.app_id!r} ever run"
            " there? See FLROUTER_APP_ID and FLROUTER_DEAD_LETTER_TOPIC"
        )
    places = [TopicPartition(topic, partition) for partition in range(count)]
    consumer = reader(settings)
    await consumer.start()
    try:
        left = await ends(consumer, places, settings)
        begin = await consumer.beginning_offsets(places)
        consumer.assign(places)
        for place in places:
            consumer.seek(place, begin[place])
        task = bar.add_task(doing, total=sum(left.values()) - sum(begin.values()))
        while left := {at: end for at, end in left.items() if await consumer.position(at) < end}:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                bar.advance(task, len(records))
                for record in records:
                    if record.offset < left.get(place, 0):
                        yield record
    finally:
        await consumer.stop()
