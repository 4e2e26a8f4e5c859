"""The tables of this worker's shards as JSON, to look into and to compare with their changelogs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from aiohttp import web

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.faust_side.app import RouterApp
from flrouter.web_port.streaming import streamed

#: bytes of rows before others get their turn: less than a millisecond.
TURN_BYTES = 64 << 10

_encode = msgspec.json.Encoder().encode


def register(app: RouterApp) -> None:
    """Give `app` the page ``/tables/<name>``, for one reader at a time."""
    reading = asyncio.Lock()

    async def table(view: Any, request: web.Request, name: str) -> Any:
        if name not in TABLES:
            return view.json({"error": f"no table {name!r}: one of {list(TABLES)}"}, status=404)
        if reading.locked():
            text = "somebody reads a table of this worker already: try again in a moment"
            return view.json({"error": text}, status=503, headers={"Retry-After": "1"})
        async with reading:
            return await streamed(request, "application/jsonl", lines(app.shards.owned(), name))

    app.page("/tables/{name}", name="tables")(table)


async def lines(shards: Iterable[Shard], name: str) -> AsyncIterator[bytes]:
    """A line for each row: shard, key, and value as in the changelog, bytes in base64.

    Rows may come and go meanwhile: what is there all the time is told once.
    """
    some = bytearray()
    for shard in list(shards):
        table = getattr(shard.context, name)
        for key in list(table):
            row = table.get(key)
            if row is None:
                continue
            some += _encode((shard.context.number, key, row)) + b"\n"
            if len(some) > TURN_BYTES:
                yield bytes(some)
                some.clear()
                await asyncio.sleep(0)
    yield bytes(some)
