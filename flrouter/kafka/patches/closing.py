"""Closing a consumer whose last fetch had just failed.

Such a fetch waits a moment before it is tried again, and is cancelled in that moment:
aiokafka's `Fetcher.close` then raises the `CancelledError` to whoever closes the consumer. That
ends its caller too, before it has written what it must write when it stops.
"""

from __future__ import annotations

import asyncio

from aiokafka.consumer import fetcher

_close = fetcher.Fetcher.close


async def _close_whole(self: fetcher.Fetcher) -> None:
    """Cancel the fetches in flight, wait until they are gone, and then close."""
    # The one that begins fetches must not begin another.
    self._closed = True
    self._fetch_task.cancel()
    fetches = [self._fetch_task, *self._pending_tasks]
    for fetch in fetches:
        fetch.cancel()
    await asyncio.wait(fetches)
    self._pending_tasks.difference_update(fetches)
    await _close(self)


def close_whole() -> None:
    """From now on a consumer of this process closes whatever its fetches are about."""
    fetcher.Fetcher.close = _close_whole
