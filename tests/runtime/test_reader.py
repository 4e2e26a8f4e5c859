"""The reader on librdkafka: from where it is told, in order, whatever else is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from flrouter.core.values.effects import Send
from flrouter.kafka import reader as module
from flrouter.kafka.cluster.topics import Wanted, provide
from flrouter.kafka.reader import Batch, Reader
from flrouter.kafka.replay import ends, replay
from flrouter.kafka.writer import Writer
from flrouter.ports import Partition, Start, Written
from flrouter.settings.model import Settings
from tests.runtime.broker import settings

pytestmark = pytest.mark.broker


class _Topics:
    def known(self, topic: str) -> int | None:
        return 4

    async def look(self) -> None:
        pass

    async def look_again(self) -> None:
        pass


class _Desk:
    """Takes what a reader hands over."""

    def __init__(self, mine: Settings) -> None:
        self.topic = mine.shards_topic
        self.reader = Reader(mine, self._take, lambda *what: self.gone.append(what))
        self.writer = Writer(mine, _Topics(), lambda topic: False)
        self.batches: list[Batch] = []
        self.gone: list[tuple[Partition, int, int]] = []
        self._more = asyncio.Event()

    def _take(self, batches: Sequence[Batch]) -> None:
        self.batches += batches
        for batch in batches:
            self.reader.taken(batch.at, len(batch.records))
        self._more.set()

    def at(self, number: int) -> Partition:
        return Partition(self.topic, number)

    def values(self, number: int) -> list[bytes | None]:
        return [
            record.value
            for batch in self.batches
            if batch.at.number == number
            for record in batch.records
        ]

    def of(self, number: int, term: int) -> list[Batch]:
        return [one for one in self.batches if one.at.number == number and one.term == term]

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not so():
                self._more.clear()
                await self._more.wait()

    async def write(self, number: int, values: Sequence[bytes]) -> None:
        done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self.writer.write(
            [Send(self.topic, number, None, value) for value in values], done.set_result
        )
        await done


@asynccontextmanager
async def _desk(mine: Settings) -> AsyncIterator[_Desk]:
    desk = _Desk(mine)
    desk.writer.start()
    desk.reader.start()
    try:
        yield desk
    finally:
        await desk.writer.stop()
        await desk.reader.stop()


def _run(broker_url: str, body: Callable[[_Desk], Awaitable[None]]) -> Settings:
    mine = settings(broker_url)
    provide(mine, [Wanted(mine.shards_topic, exact=True)])

    async def main() -> None:
        async with _desk(mine) as desk:
            await body(desk)

    asyncio.run(main())
    return mine


def test_each_partition_is_read_from_where_it_is_told(broker_url: str) -> None:
    """In order, and what comes later too."""

    async def body(desk: _Desk) -> None:
        await desk.write(0, [b"%d" % at for at in range(10)])
        await desk.write(1, [b"%d" % at for at in range(10)])
        desk.reader.read({desk.at(0): Start(0, 1), desk.at(1): Start(7, 1)})
        await desk.until(lambda: len(desk.values(0)) == 10 and len(desk.values(1)) == 3)
        await desk.write(1, [b"later"])
        await desk.until(lambda: len(desk.values(1)) == 4)
        assert desk.values(0) == [b"%d" % at for at in range(10)]
        assert desk.values(1) == [b"7", b"8", b"9", b"later"]
        assert {batch.term for batch in desk.batches} == {1}
        last = {batch.at.number: batch.next_offset for batch in desk.batches}
        assert last == {0: 10, 1: 11}

    _run(broker_url, body)


def test_a_new_term_reads_anew_and_nothing_of_the_old_one_comes(broker_url: str) -> None:
    """Partitions that are not named are read no more."""

    async def body(desk: _Desk) -> None:
        await desk.write(0, [b"%d" % at for at in range(1_000)])
        desk.reader.read({desk.at(0): Start(0, 1)})
        await desk.until(lambda: len(desk.values(0)) > 0)
        desk.reader.read({desk.at(0): Start(500, 2)})
        await desk.until(
            lambda: sum(len(batch.records) for batch in desk.batches if batch.term == 2) == 500
        )
        second = [record for batch in desk.batches if batch.term == 2 for record in batch.records]
        assert [record.offset for record in second] == list(range(500, 1_000))
        desk.reader.read({})
        await desk.write(0, [b"unread"])
        desk.reader.read({desk.at(1): Start(0, 4)})
        await desk.write(1, [b"read"])
        await desk.until(lambda: desk.values(1) == [b"read"])
        assert b"unread" not in desk.values(0)

    _run(broker_url, body)


def test_what_is_read_goes_on_when_others_come_and_go(broker_url: str) -> None:
    """Nothing of it is missing, and nothing comes twice; what is held back stays so."""

    async def body(desk: _Desk) -> None:
        stays, comes, full = desk.at(0), desk.at(1), desk.at(2)
        starts = {stays: Start(0, 1), full: Start(0, 1)}
        desk.reader.read(starts)
        desk.reader.hold_back([full])
        for number in (0, 1, 2):
            await desk.write(number, [b"%d" % at for at in range(1_000)])
        await desk.until(lambda: len(desk.values(0)) > 0)
        for term in range(2, 12):
            desk.reader.read(starts | {comes: Start(500, term)})
            await desk.write(0, [b"%d" % term])
            desk.reader.read(starts)
        desk.reader.read(starts | {comes: Start(990, 12)})
        await desk.until(lambda: len(desk.values(0)) == 1_010)
        await desk.until(lambda: any(batch.next_offset == 1_000 for batch in desk.of(1, 12)))
        assert [record.offset for batch in desk.of(0, 1) for record in batch.records] == list(
            range(1_010)
        )
        last = [record.offset for batch in desk.of(1, 12) for record in batch.records]
        assert last == list(range(990, 1_000))
        assert not desk.values(2)

    _run(broker_url, body)


def test_room_is_made_by_what_is_read_no_more(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever let go of a partition works on nothing of it any more, and need not say so."""
    monkeypatch.setattr(module, "MAX_RECORDS", 100)
    monkeypatch.setattr(module, "MAX_UNTAKEN", 300)

    async def body(desk: _Desk) -> None:
        await desk.write(0, [b"%d" % at for at in range(2_000)])
        await desk.write(1, [b"read"])
        real = desk.reader.taken
        desk.reader.taken = lambda at, count: None  # type: ignore[method-assign]
        desk.reader.read({desk.at(0): Start(0, 1)})
        await desk.until(lambda: len(desk.values(0)) >= 300)
        assert not desk.reader._room.is_set()
        desk.reader.read({desk.at(1): Start(0, 2)})
        await desk.until(lambda: desk.values(1) == [b"read"])
        real(desk.at(1), 1)
        assert desk.reader._untaken_count == 0

    _run(broker_url, body)


def test_what_is_held_back_does_not_hold_back_the_others(broker_url: str) -> None:
    """Though all share one queue; afterwards nothing of it is missing, and all is in order."""

    async def body(desk: _Desk) -> None:
        full, other = desk.at(0), desk.at(1)
        desk.reader.read({full: Start(0, 1), other: Start(0, 1)})
        desk.reader.hold_back([full])
        await desk.write(1, [b"go"])
        await desk.until(lambda: desk.values(1) == [b"go"])
        await desk.write(0, [b"%d" % at for at in range(5_000)])
        await desk.write(1, [b"%d" % at for at in range(100)])
        await desk.until(lambda: len(desk.values(1)) == 101)
        assert not desk.values(0)
        desk.reader.hold_back([])
        await desk.until(lambda: len(desk.values(0)) == 5_000)
        assert desk.values(0) == [b"%d" % at for at in range(5_000)]

    _run(broker_url, body)


def test_a_loop_that_does_not_keep_up_is_not_handed_more(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has not taken is bounded; the rest stays in Kafka."""
    monkeypatch.setattr(module, "MAX_RECORDS", 100)
    monkeypatch.setattr(module, "MAX_UNTAKEN", 300)

    async def body(desk: _Desk) -> None:
        await desk.write(0, [b"%d" % at for at in range(2_000)])
        taken: list[tuple[Partition, int]] = []
        real = desk.reader.taken
        desk.reader.taken = lambda at, count: taken.append((at, count))  # type: ignore[method-assign]
        desk.reader.read({desk.at(0): Start(0, 1)})
        await desk.until(lambda: len(desk.values(0)) >= 300)
        assert not desk.reader._room.is_set()
        assert len(desk.values(0)) < 500
        desk.reader.taken = real  # type: ignore[method-assign]
        for at, count in taken:
            real(at, count)
        await desk.until(lambda: len(desk.values(0)) == 2_000)
        assert desk.values(0) == [b"%d" % at for at in range(2_000)]

    _run(broker_url, body)


def test_a_replay_ends_where_it_is_told_and_ends_are_where_they_are(broker_url: str) -> None:
    """Also of a last batch with many records, and of a partition that is empty."""
    told: dict[str, Any] = {}

    async def body(desk: _Desk) -> None:
        await desk.write(0, [b"%d" % at for at in range(100)])
        told["topic"] = desk.topic

    mine = _run(broker_url, body)
    first, second = Partition(told["topic"], 0), Partition(told["topic"], 1)
    assert ends(mine, [first, second]) == {first: 100, second: 0}
    values: list[bytes | None] = []
    assert replay(
        mine,
        {first: 10, second: 0},
        {first: 20, second: 0},
        lambda _, rows: values.extend(row.value for row in rows),
    )
    assert values == [b"%d" % at for at in range(10, 20)]
