"""The tables, read from outside: what counts to whoever takes a shard over."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from flrouter.core.values.records import Floodlight
from flrouter.kafka.cluster.topics import of_router, provide
from flrouter.runtime.durability.changelog import SEAL_TABLE, SEALED, a_seal
from flrouter.runtime.state.reading import changelogs_of, read_tables
from tests.runtime.broker import settings, writing

pytestmark = pytest.mark.broker

ROW = msgspec.msgpack.encode(Floodlight())


def test_rows_that_are_not_sealed_are_not_there(broker_url: str) -> None:
    """But all of a shard that was never sealed."""
    mine = settings(broker_url)
    provide(mine, of_router(mine))
    sealed, never = changelogs_of(mine, 0), changelogs_of(mine, 1)
    [first] = [one for one in sealed if one.table == SEAL_TABLE]
    [second] = [one for one in never if one.table == SEAL_TABLE]
    first.version = second.version = SEALED
    first.position = 1
    sends = [
        first.row("fl-1", ROW),
        a_seal(sealed),
        first.row("fl-2", ROW),
        second.row("fl-3", ROW),
    ]

    async def main() -> None:
        async with writing(mine) as write:
            await write(*sends)

    asyncio.run(main())
    found: set[tuple[int, str]] = set()
    read_tables(mine, {SEAL_TABLE: lambda number, key, _: found.add((number, key))})
    assert found == {(0, "fl-1"), (1, "fl-3")}
