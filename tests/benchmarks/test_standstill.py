"""The benchmark of rebalances: the page says what came out."""

from __future__ import annotations

import json

from tests.docs.blocks import ROOT
from tests.docs.markdown import rows, section


def test_the_page_has_the_figures_of_the_run() -> None:
    """Of each change the longest time of any shard that stays, and of any that moves."""
    results = json.loads((ROOT / "benchmarks" / "results" / "standstill.json").read_text("utf-8"))
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    told = {row[0]: row[1:] for row in rows(section(page, "While the group deals"))}
    for result in results:
        for kind in ("stays", "moves"):
            longest = [
                str(max(change[kind].values(), default="–"))
                for change in result["longest_ms"].values()
            ]
            guarantee = result["guarantee"].replace("_", " ")
            assert told.pop(f"{guarantee}, {kind.removesuffix('s')}") == longest
    assert not told
