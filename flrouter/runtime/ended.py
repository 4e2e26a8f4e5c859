"""What is remembered of requests that have had their answer: the last, and how long all took."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat

from flrouter.core.effects import End

#: requests, at about 700 bytes each.
MOST = 20_000
#: s; upper bounds of the histogram's buckets. Times are known to the millisecond.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_MS = [round(bound * 1000) for bound in BOUNDS]


class Histogram:
    """How long the answers of one FL took."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        #: answers by bucket, the last of those that took longer than any bound.
        self.counts = [0] * (len(BOUNDS) + 1)
        #: ms, of all together.
        self.total = 0


class Ended:
    """The ends of this worker's requests, told once their answers are durable."""

    def __init__(self) -> None:
        self._last: deque[tuple[int, End]] = deque(maxlen=MOST)
        #: FL → how long its answers took; errors that the router wrote are not among them.
        self.latencies: dict[str, Histogram] = {}

    def take(self, shard: int, ends: Sequence[End]) -> None:
        """These requests of a shard have had their answer."""
        self._last.extend(zip(repeat(shard), ends))
        latencies = self.latencies
        for end in ends:
            if end.error or not end.floodlight:
                continue
            found = latencies.get(end.floodlight)
            if found is None:
                found = latencies[end.floodlight] = Histogram()
            # A clock that was set back makes no negative times.
            took = max(end.ended - end.received, 0)
            found.counts[bisect_left(_MS, took)] += 1
            found.total += took

    def last(self) -> Iterable[tuple[int, End]]:
        """The shard and the end of each of the last requests, oldest first."""
        return list(self._last)
