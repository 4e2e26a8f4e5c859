"""What is remembered of requests that have had their answer: the last, and how long all took."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from itertools import repeat

from flrouter.core.effects import End
from flrouter.runtime.histogram import Histogram

#: requests, at about 700 bytes each.
MOST = 20_000
#: ms; upper bounds of the histogram's buckets.
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)


class Ended:
    """The ends of this worker's requests, told when they are decided."""

    def __init__(self) -> None:
        self._last: deque[tuple[int, End]] = deque(maxlen=MOST)
        #: FL → how long its answers took (ms); errors that the router wrote are not among them.
        self.latencies: dict[str, Histogram] = {}
        #: of all others: the type of the error, or nothing for an answer that was put together.
        self.others: Counter[str] = Counter()

    def take(self, shard: int, ends: Sequence[End]) -> None:
        """These requests of a shard have had their answer."""
        self._last.extend(zip(repeat(shard), ends))
        latencies = self.latencies
        for end in ends:
            floodlight = end.floodlight
            if end.error or not floodlight:
                self.others[end.error.partition(":")[0]] += 1
                continue
            found = latencies.get(floodlight)
            if found is None:
                found = latencies[floodlight] = Histogram(BOUNDS)
            found.add(end.ended - end.received)

    def last(self) -> Iterable[tuple[int, End]]:
        """The shard and the end of each of the last requests, oldest first."""
        return list(self._last)
