"""The writer's batches, and reading changelogs back to their very end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from flrouter.core.effects import Send
from flrouter.runtime.directory import Directory
from flrouter.runtime.restore import restore
from flrouter.runtime.topics import Wanted, provide
from flrouter.runtime.writer import BATCH_BYTES, Outcome, Writer
from flrouter.settings import Settings
from tests.runtime.broker import settings

pytestmark = pytest.mark.broker


def _run(mine: Settings, body: Callable[[Writer], Awaitable[None]]) -> None:
    async def main() -> None:
        directory = Directory(mine)
        writer = Writer(mine, directory)
        async with directory, writer:
            await body(writer)

    asyncio.run(main())


def _topic(broker_url: str) -> tuple[Settings, str]:
    mine = settings(broker_url)
    provide(mine, [Wanted(mine.shards_topic, exact=True)])
    return mine, mine.shards_topic


async def _rows(mine: Settings, topic: str, partitions: Sequence[int]) -> dict[bytes, bytes]:
    rows: dict[bytes, bytes] = {}

    def apply(_partition: int, key: bytes, value: bytes | None) -> None:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value

    await restore(mine, {topic: apply}, partitions)
    return rows


def test_what_was_written_is_restored_to_the_last_record(broker_url: str) -> None:
    """Also when the last batch holds many records, and when a partition holds none."""
    mine, topic = _topic(broker_url)
    sends = [Send(topic, at % 2, b"k%d" % at, b"v%d" % at) for at in range(1_000)]
    sends.append(Send(topic, 0, b"k0", None))

    async def body(writer: Writer) -> None:
        outcome = await writer.write(sends)
        assert not outcome.failed
        assert not outcome.refused
        assert outcome.positions == {(topic, 0): 501, (topic, 1): 500}
        rows = await _rows(mine, topic, range(4))
        assert rows == {b"k%d" % at: b"v%d" % at for at in range(1, 1_000)}

    _run(mine, body)


def test_order_within_a_partition_survives_several_batches(broker_url: str) -> None:
    """More than a batch takes goes out in several, and their order is kept."""
    mine, topic = _topic(broker_url)
    value = b"x" * 10_000
    count = 3 * BATCH_BYTES // len(value)
    seen: list[bytes] = []

    async def body(writer: Writer) -> None:
        await writer.write([Send(topic, 0, b"%d" % at, value) for at in range(count)])
        await restore(mine, {topic: lambda _p, key, _v: seen.append(key)}, [0])

    _run(mine, body)
    assert seen == [b"%d" % at for at in range(count)]


def test_a_record_for_a_topic_that_is_not_there_is_refused_alone(broker_url: str) -> None:
    """The others of the same write are delivered, and no topic is made."""
    mine, topic = _topic(broker_url)
    stray = Send(f"{topic}-nowhere", None, b"k", b"v")
    outcomes: list[Outcome] = []

    async def body(writer: Writer) -> None:
        outcomes.append(await writer.write([stray, Send(topic, 0, b"k", b"v")]))
        assert await _rows(mine, topic, [0]) == {b"k": b"v"}

    _run(mine, body)
    ((send, why, exists),) = outcomes[0].refused
    assert send is stray
    assert "There is no topic" in why
    assert not exists
