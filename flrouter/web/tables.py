"""The tables of this worker's shards as JSON, to compare with their changelogs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from aiohttp import web

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.faust_side.app import RouterApp
from flrouter.web.calls.call import Refusal
from flrouter.web_port.streaming import streamed

#: bytes of rows of one turn of the event loop: less than a millisecond.
TURN_BYTES = 64 << 10

_encode = msgspec.json.Encoder().encode


def register(app: RouterApp) -> None:
    """Give `app` the page ``/tables/<name>``, for one reader at a time."""
    reading = asyncio.Lock()

    async def table(view: Any, request: web.Request, name: str) -> Any:
        if name not in TABLES:
            raise Refusal(404, f"no table {name!r}: one of {list(TABLES)}")
        if reading.locked():
            text = "a table of this worker is being read already: try again in a moment"
            raise Refusal(503, text, {"Retry-After": "1"})
        async with reading:
            return await streamed(request, "application/jsonl", lines(app.shards.owned(), name))

    app.page("/tables/{name}", name="tables")(table)


async def lines(shards: Iterable[Shard], name: str) -> AsyncIterator[bytes]:
    """A line for each row: shard, key, and value as in the changelog, with bytes in base64.

    Rows may come and go meanwhile; one that stays has one line.
    """
    lines_of_turn = bytearray()
    for shard in list(shards):
        table = getattr(shard.context, name)
        for key in list(table):
            row = table.get(key)
            if row is None:
                continue
            lines_of_turn += _encode((shard.context.number, key, row)) + b"\n"
            if len(lines_of_turn) > TURN_BYTES:
                yield bytes(lines_of_turn)
                lines_of_turn.clear()
                await asyncio.sleep(0)
    yield bytes(lines_of_turn)
