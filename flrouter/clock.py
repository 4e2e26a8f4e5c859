"""The clocks, read in one place."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The machine's."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return now_ms()

    def steady_s(self) -> float:
        """Seconds since the machine was started, also those in which it slept."""
        return time.clock_gettime(_STEADY)


#: Linux's monotonic clock stands still while the machine sleeps; the group does not wait for it.
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
