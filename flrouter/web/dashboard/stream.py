"""The stream of snapshots to browsers, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from aiohttp import web

from flrouter.web.dashboard.snapshot import Snapshots
from flrouter.web_port.streaming import streamed

#: s; between two snapshots.
PERIOD_S = 1.0
#: browsers that may follow one worker.
MAX_VIEWERS = 50


class Stream:
    """Sends the newest snapshot to every viewer; all of them share one a second."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._making = asyncio.Lock()
        self._frame = b""
        self._number = 0
        self._made = -PERIOD_S
        self._viewers = 0
        self._ending = False

    async def end(self, _: web.Application) -> None:
        """Let viewers go when the server stops: it waits for them."""
        self._ending = True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send snapshots to a viewer until it goes."""
        if self._viewers >= MAX_VIEWERS:
            text = f"{MAX_VIEWERS} browsers follow this worker already: ask another one\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "10"})
        self._viewers += 1
        try:
            return await streamed(request, "text/event-stream", self._frames())
        finally:
            self._viewers -= 1

    async def _frames(self) -> AsyncIterator[bytes]:
        seen = 0
        while not self._ending:
            seen, frame = await self._next(seen)
            yield frame

    async def _next(self, seen: int) -> tuple[int, bytes]:
        """A snapshot after number `seen`, made by the first viewer that needs it."""
        async with self._making:
            age = monotonic() - self._made
            if seen == self._number or age > PERIOD_S:
                await asyncio.sleep(PERIOD_S - age)
                self._frame = b"data: " + await self._snapshots.whole() + b"\n\n"
                self._made = monotonic()
                self._number += 1
            return self._number, self._frame
