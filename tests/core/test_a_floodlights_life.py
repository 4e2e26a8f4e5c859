"""An FL's life: the table in `flrouter/core/floodlights/floodlights.py` is what the code does, cell
by cell.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flrouter.core.floodlights import floodlights
from flrouter.core.values import peers

from .lives import table_of
from .world import World


class Life:
    """One FL, in a world of two shards."""

    def __init__(self, condition: str) -> None:
        self.world = World("fl-1", partitions=2, sync_timeout=10**6)
        self.floodlight = self.world.floodlights["fl-1"]
        self.world.run()
        if condition == "removed":
            removed(self)
        if "drained" in condition:
            drained(self)
        if "outage" in condition:
            silent(self)
        assert self.condition == condition

    @property
    def condition(self) -> str:
        """In which all shards agree."""
        states = [shard.context.floodlights["fl-1"] for shard in self.world.shards]
        [(condition, drained)] = {(state.condition, state.drained) for state in states}
        return "drained, outage" if drained and condition == "outage" else condition

    def tell(self, order: peers.Peer) -> None:
        """An operator says so."""
        self.world.tell(self.world.home("fl-1"), order)
        self.world.run()

    def after(self, event: Callable[[Life], None]) -> str:
        """What has become of it."""
        before = self.condition
        event(self)
        return "=" if self.condition == before else self.condition


def added(life: Life) -> None:
    """An operator adds it."""
    life.tell(peers.AddFloodlight("fl-1"))


def removed(life: Life) -> None:
    """An operator removes it."""
    life.tell(peers.RemoveFloodlight("fl-1"))


def drained(life: Life) -> None:
    """An operator drains it."""
    life.tell(peers.DrainFloodlight("fl-1"))


def undrained(life: Life) -> None:
    """An operator wants that no longer."""
    life.tell(peers.DrainFloodlight("fl-1", drained=False))


def silent(life: Life) -> None:
    """It does not answer for longer than ALIVE_TIMEOUT."""
    life.floodlight.alive = False
    life.world.pass_time(5_000)


def failing(life: Life) -> None:
    """It says so with each answer."""
    for _ in range(3):
        life.floodlight.alive = True
        life.floodlight.failed = 1
        life.world.pass_time(1_000)


def answering(life: Life) -> None:
    """It answers when it is asked."""
    life.floodlight.skip()
    life.floodlight.alive = True
    life.world.pass_time(2_000)


EVENTS: dict[str, Callable[[Life], None]] = {
    "an operator adds it": added,
    "an operator removes it": removed,
    "an operator drains it": drained,
    "an operator takes it back": undrained,
    "it is silent for too long": silent,
    "it failed to write": failing,
    "it answers": answering,
}
TABLE = table_of(floodlights)


def test_the_table_has_each_condition_and_each_event() -> None:
    """Whatever may happen, in whatever condition."""
    conditions = ["removed", "up", "drained", "outage", "drained, outage"]
    assert list(TABLE) == [(event, condition) for event in EVENTS for condition in conditions]


@pytest.mark.parametrize(("event", "condition"), TABLE)
def test_each_cell(event: str, condition: str) -> None:
    """An FL in this condition, when that happens."""
    assert Life(condition).after(EVENTS[event]) == TABLE[event, condition]
