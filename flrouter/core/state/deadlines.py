"""Deadlines: a wheel that finds what is due without looking at what is not."""

from __future__ import annotations

import heapq
from collections import defaultdict

#: ms; deadlines are rounded up to it, so that many of them share one bucket.
GRAIN_MS = 50


class Deadlines:
    """Keys by the time at which somebody should look at them again.

    An entry is never taken back: whoever is woken checks whether the deadline still holds. So the
    common case, an answer in time, costs nothing here.
    """

    def __init__(self) -> None:
        #: grain → table → keys.
        self._buckets: dict[int, defaultdict[str, list[str]]] = {}
        self._order: list[int] = []

    def add(self, due: int, table: str, key: str) -> None:
        """Wake `key` of `table` at `due` (ms) or up to :data:`GRAIN_MS` later."""
        slot = -(-due // GRAIN_MS)
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = defaultdict(list)
            heapq.heappush(self._order, slot)
        bucket[table].append(key)

    def due(self, now: int) -> dict[str, list[str]]:
        """Take out what is due at `now` (ms): the keys of each table, in order of time."""
        due: defaultdict[str, list[str]] = defaultdict(list)
        while self._order and self._order[0] * GRAIN_MS <= now:
            for table, keys in self._buckets.pop(heapq.heappop(self._order)).items():
                due[table] += keys
        return due
