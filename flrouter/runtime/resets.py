"""Resets: records that Kafka deleted before they were read, told until people have seen it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from flrouter.ports import Clock, Partition

#: how long status tells of one.
TOLD_S = 24 * 3600.0
MAX_TOLD = 20


class Resets:
    """Partitions that were read on elsewhere than where they were to be read on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: partitions without a committed offset when they were taken over.
        self._never_read: set[Partition] = set()
        #: sentences, and when (steady s).
        self._told: deque[tuple[str, float]] = deque(maxlen=MAX_TOLD)

    def begins(self, partitions: Collection[Partition]) -> None:
        """Nothing of these was ever committed: nobody misses what is not there any more."""
        self._never_read.update(partitions)

    def take(self, at: Partition, expected: int, first: int) -> str | None:
        """A partition is read on at `first`; the sentence that tells so, if anybody misses it."""
        if not expected and at in self._never_read:
            return None
        if first > expected:
            why = f"{first - expected} records were deleted before they were read"
        else:
            why = f"it was to be read on at {expected}, but was made anew"
        text = f"{at}: {why}; it is read on at {first} (docs/runbook.md)"
        self._told.append((text, self._clock.steady_s()))
        return text

    def warnings(self) -> list[str]:
        """Those that people should see to."""
        since = self._clock.steady_s() - TOLD_S
        return [text for text, seen in self._told if seen > since]
