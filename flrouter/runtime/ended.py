"""What is remembered of requests that have had their answer: the last, and how long all took."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from itertools import repeat

from flrouter.core.effects import End
from flrouter.runtime.clock import now_ms
from flrouter.runtime.histogram import Histogram

#: requests that were answered, and as many that failed, at about 700 bytes each: people look for
#: those that failed, which are few, so what is answered must not push them out.
MOST = 20_000
#: ms; upper bounds of the histogram's buckets.
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)

#: a shard and an end.
Kept = tuple[int, End]


class Ended:
    """The ends of this worker's requests, told when they are decided."""

    def __init__(self) -> None:
        self._began = now_ms()
        self._answered: deque[Kept] = deque(maxlen=MOST)
        self._failed: deque[Kept] = deque(maxlen=MOST)
        #: FL → how long its answers took (ms); errors that the router wrote are not among them.
        self.latencies: dict[str, Histogram] = {}
        #: of all others: the type of the error, or nothing for an answer that was put together.
        self.others: Counter[str] = Counter()

    def take(self, shard: int, ends: Sequence[End]) -> None:
        """These requests of a shard have had their answer."""
        failed: list[End] = []
        latencies = self.latencies
        for end in ends:
            floodlight = end.floodlight
            if end.error or not floodlight:
                self.others[end.error.partition(":")[0]] += 1
                if end.error:
                    failed.append(end)
                continue
            found = latencies.get(floodlight)
            if found is None:
                found = latencies[floodlight] = Histogram(BOUNDS)
            found.add(end.ended - end.received)
        if failed:
            self._failed.extend(zip(repeat(shard), failed))
            ends = [end for end in ends if not end.error]
        self._answered.extend(zip(repeat(shard), ends))

    def last(self) -> list[Kept]:
        """Those that are remembered; of each kind the oldest first."""
        return [*self._answered, *self._failed]

    def since(self) -> tuple[int, int]:
        """Since when (ms) all that were answered are remembered, and all that failed."""
        return self._since(self._answered), self._since(self._failed)

    def _since(self, kept: deque[Kept]) -> int:
        return kept[0][1].ended if len(kept) == MOST else self._began
