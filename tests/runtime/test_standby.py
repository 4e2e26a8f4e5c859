"""A standby holds what the changelogs of others' shards say, and hands it over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
import pytest

from flrouter.core.shard import Shard
from flrouter.core.values.effects import Send
from flrouter.core.values.records import Barred
from flrouter.kafka.cluster.topics import changelog, of_router, provide
from flrouter.kafka.reader import Reader
from flrouter.ports import Partition
from flrouter.runtime.durability.changelog import (
    SEAL_TABLE,
    SEALED,
    WHOLE,
    Changelog,
    a_seal,
    stamp,
)
from flrouter.runtime.rules import rules_of
from flrouter.runtime.state.standby import Followed, Standby
from flrouter.settings.model import Settings
from tests.runtime.broker import settings, writing
from tests.support.patience import HOPE

pytestmark = pytest.mark.broker


def rows(
    mine: Settings, number: int, keys: Iterable[int], *, gone: bool = False, version: int = WHOLE
) -> list[Send]:
    """Changelog records of a shard's blacklist."""
    value = None if gone else msgspec.msgpack.encode(Barred(1, "fl-1", "c"))
    topic = changelog(mine, "blacklist")
    return [Send(topic, number, b"%d" % key, value, stamp(0, version)) for key in keys]


async def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(20 * HOPE):
        while not what():
            await asyncio.sleep(0.01)


def blacklist(followed: Followed) -> Changelog:
    """The changelog of a shard's blacklist."""
    return next(each for each in followed.changelogs if each.table == "blacklist")


def test_it_follows_and_hands_over(broker_url: str) -> None:
    """What came and went meanwhile, shard by shard, and how far it was read, behind which fence."""
    mine = settings(broker_url)
    provide(mine, of_router(mine))
    made: dict[int, Shard] = {}

    def make(number: int) -> Shard:
        made[number] = Shard(number, rules_of(mine), mine.message_catalog)
        return made[number]

    def keys(number: int) -> set[str]:
        return set(made[number].context.blacklist)

    async def main() -> None:
        standby = Standby(mine, make, partial(Reader, mine))
        async with writing(mine) as write, standby:
            fence = Changelog("blacklist", Partition(changelog(mine, "blacklist"), 0)).a_fence()
            await write(*rows(mine, 0, range(500)), *rows(mine, 1, range(3)))
            standby.follow([0, 1])
            await until(lambda: len(keys(0)) == 500 and len(keys(1)) == 3)
            await write(*rows(mine, 0, range(1, 500), gone=True), fence)
            await write(*rows(mine, 0, [8]))  # foreign: it is of an epoch before the fence
            await until(lambda: blacklist(standby._shards[0]).position == 1_001)
            assert keys(0) == {"0"}

            followed = standby.hand_over(0)
            assert followed is not None
            assert followed.core is made[0]
            blacklist(followed).settle(lambda *_: None)
            assert (blacklist(followed).fence, blacklist(followed).foreign) == (999, {b"8"})
            assert standby.hand_over(2) is None
            await write(*rows(mine, 0, [7]), *rows(mine, 1, [7]))
            await until(lambda: "7" in keys(1))
            assert keys(0) == {"0"}

            old = made[1]
            standby.follow([1, 2])
            assert made[1] is old
            standby.follow([0])
            await until(lambda: blacklist(standby._shards[0]).position == 1_002)
            assert keys(0) == {"0"}
            assert made[0] is not followed.core

    asyncio.run(main())


def test_rows_wait_for_their_seal(broker_url: str) -> None:
    """It comes in the changelog of another table."""
    mine = settings(broker_url)
    provide(mine, of_router(mine))
    made: list[Shard] = []

    def make(number: int) -> Shard:
        made.append(Shard(number, rules_of(mine), mine.message_catalog))
        return made[-1]

    async def main() -> None:
        standby = Standby(mine, make, partial(Reader, mine))
        async with writing(mine) as write, standby:
            standby.follow([0])
            await write(*rows(mine, 0, range(3), version=SEALED))
            await until(lambda: blacklist(standby._shards[0]).position == 3)
            assert not made[0].context.blacklist
            ends = [
                Changelog(table, Partition(changelog(mine, table), 0), position)
                for table, position in [("blacklist", 2), (SEAL_TABLE, 0)]
            ]
            await write(a_seal(ends))
            await until(lambda: set(made[0].context.blacklist) == {"0", "1"})

    asyncio.run(main())
