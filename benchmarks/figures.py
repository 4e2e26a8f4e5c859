"""The arithmetic: percentiles, medians and ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

__all__ = ["median", "percentile", "percentiles", "ratio", "spread"]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all are not above (nearest rank).

    Args:
        ordered: from the smallest to the largest, not empty.
    """
    rank = max(1, math.ceil(share * len(ordered)))
    return ordered[rank - 1]


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """p50, p90, p99 and the largest; empty when there are no values."""
    ordered = sorted(values)
    if not ordered:
        return {}
    named = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: percentile(ordered, share) for name, share in named.items()}


def ratio(one: float | None, other: float | None) -> float | None:
    """`one` / `other`; None when either is missing or there is nothing to divide by."""
    return one / other if one is not None and other else None


def spread(values: Sequence[float]) -> float:
    """How far apart runs were: (largest - smallest) / median; 0 for a single one."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0
