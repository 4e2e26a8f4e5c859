"""The tables as anybody may read them, while the worker has other things to do."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from itertools import pairwise
from typing import Any

from aiohttp import ClientSession

from flrouter.core.shard import Shard
from flrouter.core.values.records import Pending, Stage
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import load
from flrouter.web import tables
from tests.web.served import served

ROWS = 100_000
SETTINGS = load({})


def pending(command: bytes = b"") -> Pending:
    """A request that waits."""
    return Pending("fl-1", "op", "answers", "", "in/0/1", 9, Stage.HELD, command=command)


def shard(number: int, rows: dict[str, Pending]) -> Shard:
    """One that has these."""
    made = Shard(number, rules_of(SETTINGS), SETTINGS.message_catalog)
    made.context.pending.update(rows)
    return made


async def read(*shards: Shard) -> list[Any]:
    """Every row."""
    whole = b"".join([some async for some in tables.lines(shards, "pending")])
    return [json.loads(line) for line in whole.splitlines()]


def test_every_row_is_a_line() -> None:
    """With its shard and its key, in the form of its changelog."""
    found = asyncio.run(read(shard(0, {}), shard(3, {"a": pending(b"\xff"), "b": pending()})))
    assert [row[:2] for row in found] == [[3, "a"], [3, "b"]]
    assert found[0][2][:3] == ["fl-1", "op", "answers"]
    assert base64.b64encode(b"\xff").decode() in found[0][2]


async def _count(*shards: Shard) -> int:
    return sum([some.count(b"\n") async for some in tables.lines(shards, "pending")])


async def _longest_wait(*shards: Shard) -> float:
    """How long (s) others had to wait at most while a table was read; what else runs on this
    machine meanwhile is not counted.
    """
    moments = [time.thread_time()]
    reading = asyncio.ensure_future(_count(*shards))
    while not reading.done():
        await asyncio.sleep(0)
        moments.append(time.thread_time())
    assert reading.result() == ROWS
    return max(later - earlier for earlier, later in pairwise(moments))


def test_large_tables_let_others_have_their_turn() -> None:
    """100,000 rows, some of them large, hold up nobody for 20 ms."""
    large = pending(bytes(100_000))
    rows = {f"{number:016x}": pending() if number % 500 else large for number in range(ROWS)}
    assert asyncio.run(_longest_wait(shard(0, rows))) < 0.02


def test_tables_may_change_meanwhile() -> None:
    """Rows that come and go break nothing."""
    core = shard(0, {str(number): pending() for number in range(20_000)})
    rows = core.context.pending

    async def look() -> int:
        reading = asyncio.ensure_future(_count(core))
        await asyncio.sleep(0)
        for key in list(rows)[-1_000:]:
            del rows[key]
        rows["new"] = pending()
        return await reading

    assert asyncio.run(look()) == 19_000


def test_one_reads_at_a_time() -> None:
    """Others are told to come again; whoever leaves half-way makes room."""
    rows = {str(number): pending(bytes(10_000)) for number in range(5_000)}

    async def look() -> None:
        async with served(shard(0, rows)) as url, ClientSession() as session:
            async with session.get(f"{url}/tables/pending") as first:
                await first.content.readline()
                async with session.get(f"{url}/tables/pending") as second:
                    assert (second.status, second.headers["Retry-After"]) == (503, "1")
            while True:  # until it notices that the first one has left
                async with session.get(f"{url}/tables/pending") as third:
                    if third.status == 200:
                        assert len((await third.read()).splitlines()) == len(rows)
                        return
                await asyncio.sleep(0.01)

    asyncio.run(look())
