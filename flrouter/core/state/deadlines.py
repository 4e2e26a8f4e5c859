"""Deadlines: a wheel that finds what is due without looking at what is not."""

from __future__ import annotations

import heapq

#: ms; deadlines are rounded up to it, so that many of them share one bucket.
GRAIN_MS = 50


class Deadlines:
    """Keys by the time at which somebody should look at them again.

    An entry is never taken back: whoever is woken checks whether the deadline still holds. So the
    common case, an answer in time, costs nothing here.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[str, str]]] = {}
        self._order: list[int] = []

    def add(self, due: int, table: str, key: str) -> None:
        """Wake `key` of `table` at `due` (ms) or up to :data:`GRAIN_MS` later."""
        slot = -(-due // GRAIN_MS)
        bucket = self._buckets.get(slot)
        if bucket is None:
            self._buckets[slot] = [(table, key)]
            heapq.heappush(self._order, slot)
        else:
            bucket.append((table, key))

    def due(self, now: int) -> list[tuple[str, str]]:
        """Take out what is due at `now` (ms): (table, key), in order of time."""
        rows: list[tuple[str, str]] = []
        while self._order and self._order[0] * GRAIN_MS <= now:
            rows += self._buckets.pop(heapq.heappop(self._order))
        return rows
