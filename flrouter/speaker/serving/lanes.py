"""Order and concurrency: one switch's commands one after the other, different switches' at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Lanes(Generic[Work]):
    """A queue per busy switch. Work that is done at once needs no task."""

    def __init__(self, act: Callable[[Work], Awaitable[None] | None]) -> None:
        """`act` does a piece of work: it returns None when done, or the rest to await."""
        self._act = act
        self._waiting: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    def put(self, switch: str | None, work: Work) -> None:
        """Do `work` after all earlier work for the same switch; without a switch, at once."""
        waiting = self._waiting.get(switch) if switch is not None else None
        if waiting is not None:
            waiting.append(work)
            return
        rest = self._act(work)
        if rest is None:
            return
        if switch is None:
            self._spawn(rest)
        else:
            self._waiting[switch] = deque()
            self._spawn(self._work(switch, rest))

    async def _work(self, switch: str, rest: Awaitable[None] | None) -> None:
        waiting = self._waiting[switch]
        try:
            while True:
                if rest is not None:
                    await rest
                if not waiting:
                    return
                rest = self._act(waiting.popleft())
        finally:
            del self._waiting[switch]

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def join(self, timeout: float) -> None:
        """Wait for all that is being handled, at most `timeout` seconds, and cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        self.cancel()

    def cancel(self) -> None:
        """Cancel all work at once."""
        for task in self._tasks:
            task.cancel()
