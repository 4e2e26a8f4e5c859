"""From turns to medians and ratios, and what limited a run."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import summary
from benchmarks.contenders import DIRECT, OURS, OURS_EXACTLY_ONCE, STREAMS_EXACTLY_ONCE


def turn(per_second: float, cpu: float, p50: float, p99: float, **faults: int) -> dict[str, Any]:
    """A turn of 10 s: `cpu` s of router per second; latencies in s."""
    counts = {"errors": 0, "lost": 0, "duplicates": 0} | faults
    part = {
        "seconds": 10.0,
        "answered": per_second * 10,
        "cpu": {"router": cpu * 10, "others": 1.0},
        "memory": {"router": 50_000_000},
        "latency": {"p50": p50, "p99": p99},
    }
    return {"closed": part | counts, "open": part | dict.fromkeys(counts, 0)}


def test_medians_over_rounds() -> None:
    """One bad round does not change a figure."""
    turns = [turn(1000, 0.5, 0.010, 0.030), turn(100, 0.9, 9.0, 9.0), turn(1200, 0.5, 0.012, 0.03)]
    direct = [turn(9000, 0.0, 0.004, 0.009)] * 3
    found = summary.of_turns(turns, direct)
    assert found["per_cpu_second"] == 2000
    assert found["throughput"] == 1000
    assert found["router_busy"] == 0.5
    assert found["added_p50"] == pytest.approx(0.008)
    assert found["added_p99"] == pytest.approx(0.026)
    assert found["memory"] == 50_000_000


def test_latency_added_is_what_exceeds_the_same_rounds_median_without_a_router() -> None:
    """Never negative; and absent when nothing was measured without a router."""
    one = [turn(1000, 0.5, 0.003, 0.030)]
    found = summary.of_turns(one, [turn(9000, 0.0, 0.004, 0.5)])
    assert found["added_p50"] == 0
    assert found["added_p99"] == pytest.approx(0.026)
    assert "added_p50" not in summary.of_turns(one, [])


def test_faults_are_added_up() -> None:
    """Over all rounds: one lost command is one too many."""
    found = summary.of_turns([turn(1, 0.1, 1, 1, lost=1), turn(1, 0.1, 1, 1, lost=2)], [])
    assert found["lost"] == 3
    assert found["errors"] == 0


def test_no_turns_are_no_figures() -> None:
    """A contender that could not run has none."""
    assert summary.of_turns([], []) == {}


def test_ratios_are_ours_over_theirs() -> None:
    """Of all others but the run without a router."""
    figures = {
        "flrouter": {"per_cpu_second": 6000.0},
        "plain-faust": {"per_cpu_second": 1000.0},
        "quix-streams": {},
        "direct": {"per_cpu_second": None},
    }
    found = summary.ratios(figures)
    assert found["per_cpu_second/plain-faust"] == 6
    assert found["per_cpu_second/quix-streams"] is None
    assert not [name for name in found if name.endswith("/direct")]


@pytest.mark.parametrize(
    ("busy", "machine", "throughput", "expected"),
    [
        (0.95, 1.9, 4_000, "the router"),
        (0.40, 1.9, 9_000, "the clients and the broker"),
        (0.40, 1.9, 4_000, "the machine, its router idle for 60%"),
        (0.40, 1.0, 4_000, "waiting for the broker, its router idle for 60%"),
    ],
)
def test_what_limited_a_run(busy: float, machine: float, throughput: float, expected: str) -> None:
    """A router that was idle is not at its peak, and the table must say so."""
    figures = {"router_busy": busy, "machine_busy": machine, "throughput": throughput}
    assert summary.limited_by(figures, 10_000, cores=2) == expected


def test_what_is_added_at_a_rate_is_compared_with_the_better_loop() -> None:
    """Beyond what a command takes without a router."""
    took = {
        DIRECT: {"100": [{"p50": 0.005, "p99": 0.009}]},
        OURS: {"100": [{"p50": 0.009, "p99": 0.015}, {"p50": 0.011, "p99": 0.013}]},
        "aiokafka-loop": {"100": [{"p50": 0.008, "p99": 0.010}]},
        "librdkafka-loop": {"100": [{"p50": 0.007, "p99": 0.025}]},
    }
    added = summary.added(summary.latencies(took))
    assert added["added_p50_at/100"] == pytest.approx(2.5)
    assert added["added_p99_at/100"] == pytest.approx(1.8)


def test_exactly_once_is_compared_with_exactly_once() -> None:
    """And nothing else is."""
    figures = {
        OURS: {"per_cpu_second": 10.0},
        OURS_EXACTLY_ONCE: {"per_cpu_second": 4.0},
        "kafka-streams": {"per_cpu_second": 20.0},
        STREAMS_EXACTLY_ONCE: {"per_cpu_second": 8.0},
    }
    ratios = summary.ratios(figures)
    assert ratios["per_cpu_second/kafka-streams"] == 0.5
    assert ratios[f"per_cpu_second/{STREAMS_EXACTLY_ONCE}"] == 0.5
    assert f"per_cpu_second/{OURS_EXACTLY_ONCE}" not in ratios
