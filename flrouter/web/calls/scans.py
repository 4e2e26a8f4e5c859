"""Scans of whole tables, which share the event loop with the data path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from flrouter.web.calls.call import Refusal

#: scans that run or wait.
MAX_SCANS = 32
#: items of one turn of the event loop: about a millisecond.
TURN_ITEMS = 4_000

Item = TypeVar("Item")


class Scans:
    """One scan at a time, so the data path waits for one turn of one scan at most."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._scans = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the other scans.

        Raises:
            Refusal: there are too many.
        """
        if self._scans >= MAX_SCANS:
            text = f"{MAX_SCANS} other requests scan the tables of this worker: try again"
            raise Refusal(503, text, {"Retry-After": "1"})
        self._scans += 1
        try:
            async with self._lock:
                yield
        finally:
            self._scans -= 1


def in_turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """`items` in parts, one for each turn of the event loop."""
    for at in range(0, len(items), TURN_ITEMS):
        yield items[at : at + TURN_ITEMS]
