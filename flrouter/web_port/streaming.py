"""Answers in parts: memory stays small, and slow readers are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from aiohttp import web

#: s; how long a reader may take for a part before it is dropped.
PATIENCE_S = 10.0


async def streamed(
    request: web.Request, kind: str, parts: AsyncIterable[bytes]
) -> web.StreamResponse:
    """Answer with `parts`, until the reader is gone; to HEAD with none of them."""
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        if request.method != "HEAD":
            async for part in parts:
                await asyncio.wait_for(response.write(part), PATIENCE_S)
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    return response
