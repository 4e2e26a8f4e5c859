"""The benchmark of the history: it finds what it put there, and the page says what came out."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import history
from tests.docs.blocks import ROOT
from tests.docs.markdown import rows, section


def test_it_finds_what_it_put_there(tmp_path: Path) -> None:
    """Whatever the count, each question is asked, and of each request that is there."""
    said: list[str] = []
    found = history.measure(str(tmp_path / "history"), 1_400, 1, said.append)
    assert found["count"] == 1_400
    assert found["bytes_per_request"] > 100
    assert all(each["rows"] >= 1 for name, each in found["searches"].items() if "error" not in name)
    assert len(said) == 2 + len(found["searches"])


def test_the_page_has_the_figures_of_the_run() -> None:
    """A row for each database that was measured, and every search within the mark."""
    results = json.loads(history.RESULT.read_text("utf-8"))
    page = (ROOT / "docs" / "history.md").read_text("utf-8")
    table = {row[0].lower(): row[1:] for row in rows(section(page, "How large, how quick"))}
    assert table.keys() == results.keys()
    for kind, result in results.items():
        p95s = [each["p95_ms"] for each in result["searches"].values()]
        assert max(p95s) <= history.MARK_MS
        assert result["count"] == 10_000_000
        kept = result["count"] / result["insert_s"]
        assert table[kind] == [
            f"{result['bytes_per_request']:.0f}",
            *(f"{p95:.1f}" for p95 in p95s),
            f"{kept:,.0f}",
        ]
