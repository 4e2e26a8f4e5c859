"""The pace: when a reader looks again, so that each look brings enough to be worth its cost.

librdkafka hands records over as soon as one is there. A look costs the worker and the brokers the
same whatever it brings: the interpreter changes threads, shards decide, and each partition that
they write to has a produce request of its own. So the more records come, the longer the pause. Who
sends little is answered at once.
"""

from __future__ import annotations

#: s; the longest pause between two looks. A command waits for two of them, its own and its
#: answer's.
MAX_PAUSE_S = 0.02
#: records a second from which on the pause is the longest.
BUSY_RATE = 2_000.0
#: s; the time over which the rate is smoothed.
SMOOTHING_S = 0.1


class Pace:
    """Of one reader. All times are steady ones, in seconds."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._looked_at = 0.0

    def next_look(self, now: float, records: int) -> float:
        """When to look again, after a look at `now` that brought so many records."""
        elapsed = now - self._looked_at
        kept = max(1 - elapsed / SMOOTHING_S, 0.0)
        self._rate = self._rate * kept + records / max(elapsed, SMOOTHING_S)
        self._looked_at = now
        return now + MAX_PAUSE_S * min(self._rate / BUSY_RATE, 1.0)
