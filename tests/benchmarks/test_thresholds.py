"""The thresholds: which way each points, and that every row is one that a run can measure."""

from __future__ import annotations

import pytest

from benchmarks import contenders, plan, summary, thresholds
from benchmarks.scale import deployments
from benchmarks.thresholds import Row, Verdict

MORE = Row("more is better", "some/figure", 6, 12, more=True)
LESS = Row("less is better", "other/figure", 2, 1.5, more=False)


@pytest.mark.parametrize(
    ("row", "value", "verdict"),
    [
        (MORE, 5.99, Verdict.FAILED),
        (MORE, 6, Verdict.PASSED),
        (MORE, 12, Verdict.GOAL),
        (LESS, 2.01, Verdict.FAILED),
        (LESS, 2, Verdict.PASSED),
        (LESS, 1.5, Verdict.GOAL),
        (LESS, None, Verdict.UNKNOWN),
    ],
)
def test_verdicts(row: Row, value: float | None, verdict: Verdict) -> None:
    """Reaching a mark exactly is enough; what was not measured does not fail."""
    assert row.judge(value) is verdict


def test_only_failures_fail() -> None:
    """A goal that is not reached stays in the table and lets the run pass."""
    judged = thresholds.judge([MORE, LESS], {"some/figure": 7, "other/figure": 3})
    assert [each.row for each in thresholds.failed(judged)] == [LESS]


def test_every_row_names_a_figure_that_there_is() -> None:
    """A misspelt one would be "not measured" forever."""
    figures = {f"{name}/{each.name}" for name in summary.COMPARED for each in contenders.ALL}
    grown = {*deployments.PAIRS, "pending", "bytes_per_pending", "restored_per_second", "gather"}
    figures |= {f"scale/{what}" for what in grown}
    figures |= {f"added_{part}_at/{rate}" for part in ("p50", "p99") for rate in plan.FULL.rates}
    assert {row.figure for row in thresholds.load()} <= figures


def test_goals_are_beyond_marks() -> None:
    """In the direction of each row."""
    for row in thresholds.load():
        assert row.judge(row.goal) is Verdict.GOAL
        assert row.judge(row.mark) is Verdict.PASSED
