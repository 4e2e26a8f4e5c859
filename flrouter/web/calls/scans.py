"""Looks through whole tables, which share the event loop with the data path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flrouter.web.calls.call import Refusal

#: that run or wait.
MAX_SCANS = 32


class Scans:
    """One at a time: however many ask, the data path waits for one turn of one scan at most."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the others.

        Raises:
            Refusal: there are too many of them.
        """
        if self._asked >= MAX_SCANS:
            text = f"{MAX_SCANS} others look through the tables of this worker: try again"
            raise Refusal(503, text, {"Retry-After": "1"})
        self._asked += 1
        try:
            async with self._lock:
                yield
        finally:
            self._asked -= 1
