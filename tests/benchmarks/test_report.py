"""The tables and the plot, from figures."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import plot, report, thresholds

FIGURES: dict[str, dict[str, Any]] = {
    "flrouter": {
        "per_cpu_second": 7000.0,
        "throughput": 4500.0,
        "router_busy": 0.64,
        "others_busy": 0.0,
        "memory": 84e6,
        "rate": 2250.0,
        "p50": 0.02,
        "p99": 0.06,
        "added_p50": 0.01,
        "added_p99": 0.05,
        "errors": 0,
        "lost": 0,
        "duplicates": 0,
    }
}
RESULT: dict[str, Any] = {
    "when": "2026-01-02 03:04",
    "machine": "2 cores",
    "broker": "Apache Kafka <one> broker",
    "kafka": True,
    "full": False,
    "load": [0.1, 1.9],
    "seconds": 100,
    "plan": {"rounds": 3},
    "figures": FIGURES,
    "ratios": {},
    "limited_by": {"flrouter": "the machine, its router idle for 36%"},
    "missing": {"kafka-streams": "needs javac"},
}
JUDGED = thresholds.judge(thresholds.load(), {"per_cpu_second/plain-faust": 5.0})


def test_every_contender_has_a_row_that_says_why_it_has_no_figures() -> None:
    """Nothing is left out silently."""
    text = report.as_markdown(RESULT, JUDGED)
    ours = next(line for line in text.splitlines() if line.startswith("| flrouter, one worker"))
    assert "7,000" in ours
    assert "| 10 | 50 |" in ours
    assert "not measured: needs javac" in text
    assert "flrouter / plain Faust | 5 | ≥ 20 | ≥ 28 | FAILED |" in text


def test_tables_are_tables() -> None:
    """All rows of a table have as many cells as its head."""
    heights: dict[int, int] = {}
    lines = report.as_markdown(RESULT, JUDGED).splitlines()
    for line, following in itertools.pairwise(lines):
        if line.startswith("|") and following.startswith("|"):
            assert line.count("|") == following.count("|")
            heights[line.count("|")] = heights.get(line.count("|"), 0) + 1
    assert len(heights) == 2


def test_the_tables_replace_the_former_ones() -> None:
    """And nothing else of the document."""
    once = report.between_markers(f"a\n{report.BEGIN}\nold\n{report.END}\nz", "new")
    assert once == f"a\n{report.BEGIN}\n\nnew\n{report.END}\nz"
    assert report.between_markers(once, "new") == once
    with pytest.raises(ValueError, match="no place"):
        report.between_markers("a", "new")


def test_the_document_has_a_place_for_them() -> None:
    """The README that is written to."""
    report.between_markers(report.README.read_text("utf-8"), "new")


def test_a_partial_run_leaves_the_latest_full_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a full run is what we say of ourselves."""
    readme = tmp_path / "README.md"
    readme.write_text(f"{report.BEGIN}\n{report.END}")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "README", readme)
    report.write(RESULT, JUDGED, "text")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["partial.json"]
    report.write(RESULT | {"full": True}, JUDGED, "text")
    kept = json.loads((tmp_path / "results" / "latest.json").read_text())
    assert kept["rows"][0]["verdict"] == "FAILED"
    assert "text" in readme.read_text()


def test_the_plot_is_svg_with_a_bar_for_each_figure() -> None:
    """Well-formed, with names escaped, and without bars for what was not measured."""
    root = ElementTree.fromstring(plot.as_svg(FIGURES, RESULT["broker"]))
    names = [each.tag.rpartition("}")[2] for each in root.iter()]
    assert names.count("rect") == 4
    assert "Apache Kafka <one> broker" in {each.text for each in root.iter()}
