"""The benchmark's arithmetic: percentiles, medians, spreads and ratios."""

from __future__ import annotations

import pytest

from benchmarks.figures import median, percentile, percentiles, ratio, spread


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (100, 0.99, 99), (101, 0.99, 100), (10, 1.0, 10)],
)
def test_a_percentile_is_a_value_that_occurred(count: int, share: float, expected: int) -> None:
    """By nearest rank, so never something between two latencies that nobody saw."""
    assert percentile(range(1, count + 1), share) == expected


def test_percentiles_need_no_order() -> None:
    """All of them at once, from values as they came."""
    assert percentiles([3, 1, 2]) == {"p50": 2, "p90": 3, "p99": 3, "max": 3}
    assert percentiles([]) == {}


def test_a_ratio_needs_both_sides() -> None:
    """A contender that was not measured makes no figure, and neither does a zero."""
    assert ratio(6, 2) == 3
    assert ratio(None, 2) is None
    assert ratio(6, None) is None
    assert ratio(6, 0) is None


def test_the_spread_says_how_far_runs_were_apart() -> None:
    """As a share of their median."""
    assert spread([90, 100, 120]) == pytest.approx(0.3)
    assert spread([5]) == 0
    assert spread([0, 0]) == 0
    assert median([1, 9, 2]) == 2
