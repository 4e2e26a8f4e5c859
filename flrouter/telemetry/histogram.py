"""Histograms: how often a number was how large."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts by buckets; cheap enough to be used with every command."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[int]) -> None:
        """Args:
        bounds: the largest number of each bucket but the last, in order.
        """
        self.bounds = bounds
        #: by bucket; the last is for what is larger than any bound.
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def add(self, number: int) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, number)] += 1
        if number > 0:  # a time is less if a clock was set back
            self.total += number


def quantile(counts: Sequence[int], bounds: Sequence[float], part: float) -> float | None:
    """The number below which this part of all that were counted lies. None if there are none.

    Numbers are taken to be spread evenly within a bucket, as Prometheus does. What is larger than
    any bound counts as the largest.
    """
    left = sum(counts) * part
    low = 0.0
    if not left:
        return None
    for count, high in zip(counts, bounds, strict=False):
        if left <= count:
            return low + (high - low) * left / count
        left -= count
        low = high
    return low
