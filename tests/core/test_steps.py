"""What the history gets: the steps of each request, and what happened to FLs and switches."""

from __future__ import annotations

import pytest

from flrouter.core.values import peers

from .floodlight import Doing
from .gathered import ask
from .world import World

ONE, TWO = "00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"


@pytest.fixture
def world() -> World:
    """An FL that holds two switches, and a history."""
    world = World("fl-1", history=True, history_payload_bytes=12)
    for switch in (ONE, TWO):
        world.floodlights["fl-1"].switches[switch] = "ACTIVATED"
    world.run()
    return world


def test_the_steps_of_a_request(world: World) -> None:
    """Received, sent, acknowledged and answered, with how both payloads begin."""
    world.floodlights["fl-1"].usual = Doing(ack_after=200, answer_after=500)
    asked = world.ask(ONE, "op")
    world.pass_time(1_000)
    [end] = world.ends
    assert end.kind == "InstallTransitFlow"
    assert asked.at <= end.received <= end.sent
    assert end.sent + 200 <= end.acked
    assert end.acked + 300 <= end.ended
    assert end.command == asked.data[:12]
    assert end.answer == world.seen("kilda.flow")[0].value[:12]


def test_a_command_that_waited_for_its_switch() -> None:
    """It was received long before it was sent."""
    cold = World("fl-1", history=True)
    cold.floodlights["fl-1"].sync = "manual"
    cold.run()
    cold.ask(ONE, "op")
    cold.run()
    cold.pass_time(300)
    cold.floodlights["fl-1"].connect(ONE)
    cold.run()
    [end] = cold.ends
    assert end.sent - end.received >= 300


def test_a_command_for_several_switches(world: World) -> None:
    """Its parts have steps of their own, and it says how many they are."""
    ask(world, [ONE, TWO])
    world.pass_time(1_000)
    whole = [end for end in world.ends if end.number.count(".") == 2]
    parts = [end for end in world.ends if end.number.count(".") == 3]
    assert [end.parts for end in whole] == [2]
    assert {end.switch for end in parts} == {ONE, TWO}
    assert all(end.sent and end.ended >= end.sent for end in parts)


def test_a_command_that_is_refused(world: World) -> None:
    """It was never sent."""
    world.ask("00:00:00:00:00:00:00:77", "op")
    world.run()
    [end] = world.ends
    assert (end.kind, end.sent, end.acked) == ("InstallTransitFlow", 0, 0)


def test_nothing_is_kept_where_no_history_is_written() -> None:
    """Neither of requests nor of FLs."""
    world = World("fl-1")
    world.floodlights["fl-1"].switches[ONE] = "ACTIVATED"
    world.run()
    world.ask(ONE, "op")
    world.run()
    [end] = world.ends
    assert (end.kind, end.sent, end.command, world.happenings) == ("", 0, b"", [])


def test_what_happens_to_a_floodlight(world: World) -> None:
    """It is added and synced, goes, comes back, is drained, and is removed."""
    shard = world.shards[0].context.home("fl-1")
    world.floodlights["fl-1"].alive = False
    world.pass_time(10_000)
    world.floodlights["fl-1"].alive = True
    world.pass_time(10_000)
    for drained in (True, True, False):
        world.tell(shard, peers.DrainFloodlight("fl-1", drained))
        world.run()
    world.tell(shard, peers.RemoveFloodlight("fl-1"))
    world.run()
    told = [one.kind for one in world.happenings if one.floodlight == "fl-1"]
    assert told == [
        *("added", "sync", "outage", "recovered", "sync", "drained", "undrained", "removed")
    ]


def test_a_switch_that_moves(world: World) -> None:
    """To which FL, and from which."""
    world.add("fl-2")
    world.floodlights["fl-2"].switches[ONE] = "ACTIVATED"
    world.run()
    world.tell(world.shards[0].context.home(ONE), peers.MoveSwitch(ONE, "fl-2"))
    world.run()
    [moved] = [one for one in world.happenings if one.kind == "moved"]
    assert (moved.floodlight, moved.switch, moved.text) == ("fl-2", ONE, "from fl-1")
