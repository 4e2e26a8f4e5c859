"""What the tests of commands for several switches ask and see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flrouter.messages import names

from .world import TOPICS, Asked, Record, World

MANY = "flrouter.MultiSwitchCommand"
RESPONSE = "flrouter.MultiSwitchResponse"
O = "org.openkilda.messaging"  # noqa: E741 - PROTOCOL's own abbreviation
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
    """The entries of one answer: of a single message, or of all links of a chain.

    Stands in for the assembler of `flrouter/network`.
    """
    messages = [record.json for record in records]
    if messages[0]["clazz"] == names.CHUNK:
        assert len({message["correlation_id"] for message in messages}) == 1
        numbered = {int(each["message_id"].partition(":")[0]): each for each in messages}
        assert sorted(numbered) == list(range(messages[0]["total_messages"]))
        messages = [numbered[at] for at in sorted(numbered)]
    else:
        assert [message["clazz"] for message in messages] == [names.INFO], messages
    payloads = [message["payload"] for message in messages]
    for payload in payloads:
        assert payload["clazz"] == RESPONSE
        ok = sum(entry["status"] == "ok" for entry in payload["results"])
        assert (payload["succeeded"], payload["failed"]) == (ok, len(payload["results"]) - ok)
    return [entry for payload in payloads for entry in payload["results"]]


def outcome(entry: dict[str, Any]) -> str:
    """ok, or the type of the entry's error."""
    if entry["status"] == "ok":
        return "ok"
    assert entry["payload"]["clazz"] == names.ERROR_DATA
    kind: str = entry["payload"]["error-type"]
    return kind
