"""Events: each is counted somewhere, and told as a metric."""

from __future__ import annotations

from pathlib import Path

from flrouter import core
from flrouter.core.values.events import Event

PACKAGE = Path(core.__file__).parents[1]


def test_each_event_is_a_metric() -> None:
    """One that no other event is."""
    assert len({event.metric for event in Event}) == len(Event)


def test_each_event_is_counted() -> None:
    """Somewhere in the code, under its name."""
    code = "".join(
        path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path.name != "events.py"
    )
    assert [event for event in Event if f"Event.{event.name}" not in code] == []
