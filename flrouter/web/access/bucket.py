"""A token bucket: a burst, and a rate."""

from __future__ import annotations

from collections.abc import Callable


class Bucket:
    """Tokens are taken out; it fills itself again."""

    def __init__(self, burst: int, rate: float, clock: Callable[[], float]) -> None:
        """Args:
        burst: tokens in a full bucket.
        rate: tokens that come a second.
        clock: seconds.
        """
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    @property
    def empty(self) -> bool:
        """Whether there is no token now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left < 1

    def take(self) -> bool:
        """Take a token; False if there is none."""
        if self.empty:
            return False
        self._left -= 1
        return True
