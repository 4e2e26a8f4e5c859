"""The pace of work that costs the same however much of it there is: the more comes, the longer it
gathers. Who sends little is answered at once.
"""

from __future__ import annotations

#: s; the time over which the rate is smoothed.
SMOOTHING_S = 0.1


class Pace:
    """When to work again. All times are steady ones, in seconds."""

    def __init__(self, max_pause_s: float, busy_rate: float) -> None:
        """Args:
        max_pause_s: the longest time between two begins.
        busy_rate: records a second from which on it is that long.
        """
        self._max_pause_s = max_pause_s
        self._busy_rate = busy_rate
        self._rate = 0.0
        self._worked_at = 0.0

    def next_at(self, now: float, records: int) -> float:
        """When to work again, after work at `now` on so many records."""
        elapsed = now - self._worked_at
        kept = max(1 - elapsed / SMOOTHING_S, 0.0)
        self._rate = self._rate * kept + records / max(elapsed, SMOOTHING_S)
        self._worked_at = now
        return now + self._max_pause_s * min(self._rate / self._busy_rate, 1.0)
