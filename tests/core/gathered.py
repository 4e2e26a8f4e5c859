"""What the tests of commands for several switches ask and see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.support import assembled
from tests.support.assembled import outcome

from .world import TOPICS, Asked, Record, World

__all__ = ["DUMP", "MANY", "SWITCHES", "O", "answers", "ask", "entries", "holding", "outcome"]

MANY = "flrouter.MultiSwitchCommand"
O = "org.openkilda.messaging"  # noqa: E741 - as in protocol.md, 1.2
DUMP = f"{O}.command.switches.DumpRulesRequest"
SWITCHES = [f"00:00:00:00:00:00:00:{number:02x}" for number in range(1, 13)]


def ask(world: World, switches: Sequence[object], cid: str = "op", **more: Any) -> Asked:
    """Send one command for all of these switches."""
    return world.ask(None, cid, clazz=MANY, switch_ids=switches, command={"clazz": DUMP}, **more)


def holding(*floodlights: str, switches: Sequence[str] = SWITCHES, **how: Any) -> World:
    """A world in which the switches are dealt to the FLs."""
    world = World(*floodlights, **how)
    for at, switch in enumerate(switches):
        world.floodlights[floodlights[at % len(floodlights)]].switches[switch] = "ACTIVATED"
    world.run()
    return world


def answers(world: World, topic: str = "northbound") -> list[Record]:
    """What came on a topic for requesters."""
    return world.seen(TOPICS[topic])


def entries(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The entries of one answer."""
    return assembled.entries(record.json for record in records)
