"""A bucket: so many at once, and so many a second in the long run."""

from __future__ import annotations

from collections.abc import Callable


class Bucket:
    """Counts what is taken out of it; it fills itself again."""

    def __init__(self, burst: int, rate: float, clock: Callable[[], float]) -> None:
        """Args:
        burst: how many there are when it is full.
        rate: how many come a second.
        clock: seconds.
        """
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    @property
    def empty(self) -> bool:
        """Whether there is none now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left < 1

    def take(self) -> bool:
        """Take one; False when there is none."""
        if self.empty:
            return False
        self._left -= 1
        return True
