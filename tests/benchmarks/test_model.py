"""The calculator: it follows the benchmarks, and the docs show what it prints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.model import RESULTS, Measured, Wanted, main, needed, table

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = Measured.of(json.loads(RESULTS.read_text("utf-8")))


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        ("growth.md", Wanted(100, 1_000_000, 1_000_000)),
        ("growth.md", Wanted(10, 100_000, 100_000)),
        ("operating.md", Wanted(10, 10_000, 20_000)),
    ],
)
def test_the_pages_show_what_it_prints(page: str, wanted: Wanted) -> None:
    """After a new benchmark run the tables are written anew."""
    assert table(wanted, needed(wanted, MEASURED)) in (DOCS / page).read_text("utf-8")


def test_it_is_the_benchmark_where_that_was_measured() -> None:
    """At four FLs, two workers that are 60 % busy do what the benchmark says."""
    at = Wanted(4, 1000, MEASURED.commands_per_cpu * 0.6 * 2)
    assert needed(at, MEASURED).workers == 2
    assert needed(replace(at, commands=at.commands * 1.5), MEASURED).workers > 2


@pytest.mark.parametrize("what", ["floodlights", "switches", "commands"])
def test_more_never_needs_less(what: str) -> None:
    """Of anything."""
    small = Wanted()
    before = needed(small, MEASURED)
    for factor in (10, 100, 1000):
        after = needed(replace(small, **{what: getattr(small, what) * factor}), MEASURED)
        assert after.workers >= before.workers
        assert after.worker_memory * after.workers >= before.worker_memory * before.workers
        assert after.brokers >= before.brokers
        before = after


def test_a_slower_machine_needs_more_workers() -> None:
    """The figures are read, not written down here."""
    wanted = Wanted(10, 10_000, 100_000)
    slow = replace(MEASURED, commands_per_cpu=MEASURED.commands_per_cpu / 2)
    assert needed(wanted, slow).workers > needed(wanted, MEASURED).workers


def test_nonsense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence."""
    with pytest.raises(SystemExit):
        main(["--commands", "0"])
    assert "over 0" in capsys.readouterr().err
