"""Labels of metrics."""

from __future__ import annotations

from flrouter.web.metrics.collector import Labels


def test_only_so_many_are_told() -> None:
    """Whoever came first keeps its name, and what comes later is told together."""
    labels = Labels(2)
    assert [labels.shown(name) for name in ("b", "c", "a", "b", "d")] == [
        "b",
        "c",
        "other",
        "b",
        "other",
    ]
