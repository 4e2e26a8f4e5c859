"""Retries: how long to wait before the next one, and how often to say why."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic

#: between two lines that say that something still fails.
LINE_INTERVAL_S = 60.0


class Backoff:
    """Pauses between retries. Each is about twice as long as the one before, up to a limit.

    They are random, so that clients that lost the same broker do not all come back at once.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait now (s): something between half of the pause and all of it."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return pause_s * random.uniform(0.5, 1)

    def reset(self) -> None:
        """It worked: the next failure is a first one."""
        self._next_s = self._first_s


class Reminder:
    """Lets one line a minute through, of all that say that something fails."""

    def __init__(self, first_after_s: float = 0, clock: Callable[[], float] = monotonic) -> None:
        """Args:
        first_after_s: so long nothing is said: it may work in a moment.
        clock: monotonic seconds.
        """
        self._clock = clock
        self._next_line = clock() + first_after_s

    def is_due(self) -> bool:
        """Whether to say it now; if so, the next line is due a minute later."""
        now = self._clock()
        due = now >= self._next_line
        if due:
            self._next_line = now + LINE_INTERVAL_S
        return due
