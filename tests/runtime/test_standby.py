"""A standby holds what the changelogs of others' shards say, and hands it over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec
import pytest

from flrouter.core.effects import Send
from flrouter.core.records import Barred
from flrouter.core.shard import Shard
from flrouter.runtime.directory import Directory
from flrouter.runtime.rules import rules_of
from flrouter.runtime.standby import Standby
from flrouter.runtime.states import restore_states
from flrouter.runtime.topics import changelog, of_router, provide
from flrouter.runtime.writer import Writer
from flrouter.settings import Settings
from tests.runtime.broker import settings
from tests.support.patience import HOPE

pytestmark = pytest.mark.broker


def rows(mine: Settings, number: int, keys: Iterable[int], *, gone: bool = False) -> list[Send]:
    """Changelog records of a shard's blacklist."""
    value = None if gone else msgspec.msgpack.encode(Barred(1, "fl-1", "c"))
    topic = changelog(mine, "blacklist")
    return [Send(topic, number, b"%d" % key, value) for key in keys]


async def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(20 * HOPE):
        while not what():
            await asyncio.sleep(0.01)


def test_it_follows_and_hands_over(broker_url: str) -> None:
    """What came and went meanwhile, shard by shard; what is left to read afterwards is nothing."""
    mine = settings(broker_url)
    provide(mine, of_router(mine))
    made: dict[int, Shard] = {}

    def make(number: int) -> Shard:
        made[number] = Shard(number, rules_of(mine), mine.message_catalog)
        return made[number]

    def keys(number: int) -> set[str]:
        return set(made[number].context.blacklist)

    async def main() -> None:
        directory = Directory(mine)
        writer = Writer(mine, directory)
        standby = Standby(mine, make)
        async with directory, writer, standby:
            await writer.write([*rows(mine, 0, range(500)), *rows(mine, 1, range(3))])
            await standby.follow([0, 1])
            await until(lambda: len(keys(0)) == 500 and len(keys(1)) == 3)
            await writer.write(rows(mine, 0, range(1, 500), gone=True))
            await until(lambda: keys(0) == {"0"})

            shards, positions = await standby.hand_over([0, 2])
            assert shards == {0: made[0]}
            assert positions[changelog(mine, "blacklist"), 0] == 999
            await writer.write([*rows(mine, 0, [7]), *rows(mine, 1, [7])])
            await until(lambda: "7" in keys(1))
            assert keys(0) == {"0"}
            assert await restore_states(mine, shards, {}, positions) == 1
            assert keys(0) == {"0", "7"}

            old = made[1]
            await standby.follow([1, 2])
            assert made[1] is old
            await standby.follow([0])
            await until(lambda: keys(0) == {"0", "7"})
            assert made[0] is not shards[0]
            assert await standby.hand_over([0]) == (
                {0: made[0]},
                {key: 1000 if "blacklist" in key[0] else 0 for key in positions},
            )

    asyncio.run(main())
