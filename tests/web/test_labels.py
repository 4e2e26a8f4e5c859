"""Labels of metrics."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.web.metrics.collector import RouterCollector


def test_only_so_many_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came first keeps its name, and what comes later is told together."""
    monkeypatch.setattr("flrouter.web.metrics.collector.MAX_LABELS", 2)
    nothing: Any = None
    collector = RouterCollector(nothing, nothing)
    assert [collector._shown("floodlight", name) for name in ("b", "c", "a", "b", "d")] == [
        "b",
        "c",
        "other",
        "b",
        "other",
    ]
    assert collector._shown("topic", "a") == "a"
