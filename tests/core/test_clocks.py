"""Clocks that are set back, and workers whose clocks differ: nothing waits for them."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.core.values import peers

from .floodlight import ONLY_ACK, SILENT
from .world import TOPICS, Crash, World

SWITCHES = ["00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02", "00:00:00:00:00:00:00:03"]
HOUR = 3_600_000


def one(**changes: Any) -> World:
    """One FL that holds a switch of each shard, and what follows from that."""
    world = World("fl-1", **changes)
    world.now += 2 * HOUR
    world.floodlights["fl-1"].switches = dict.fromkeys(SWITCHES, "ACTIVATED")
    world.run()
    return world


def test_an_fl_is_asked_whether_it_is_there_though_the_clock_was_set_back() -> None:
    """And that it is not is seen in time."""
    world = one()
    floodlight = world.floodlights["fl-1"]
    world.pass_time(5_000)
    world.now -= HOUR
    before = len(floodlight.answered_alive)
    world.pass_time(5_000)
    assert len(floodlight.answered_alive) - before >= 4
    floodlight.die()
    world.pass_time(1_500)
    world.now -= HOUR // 2
    world.pass_time(6_000)
    assert world.counts["outages", "fl-1"] == 1


@pytest.mark.parametrize("usual", [SILENT, ONLY_ACK])
def test_deadlines_of_before(usual: Any) -> None:
    """Commands have their errors, and are forgotten, as if they had just been sent."""
    world = one()
    world.floodlights["fl-1"].usual = usual
    world.ask(SWITCHES[0], "op")
    world.run()
    world.now -= HOUR
    world.pass_time(4_000)
    [error] = world.seen(TOPICS["flow"])
    assert error.json["payload"]["error-type"] in ("NOT_FOUND", "OPERATION_TIMED_OUT")
    world.now -= HOUR // 2
    world.pass_time(8_000)
    assert not any(world.left().values())
    assert not world.unkept()


def test_a_sync_of_before() -> None:
    """Its chain is overdue in time, and its next attempt comes."""
    world = one()
    floodlight = world.floodlights["fl-1"]
    floodlight.sync = "half"
    world.tell(world.home("fl-1"), peers.SyncWanted("fl-1", "please"))
    world.run()
    world.now -= HOUR
    world.pass_time(2_500)
    assert world.counts["syncs_failed", "fl-1"] == 1
    world.now -= HOUR // 2
    world.pass_time(62_000, grain=2_000)
    assert world.counts["syncs_failed", "fl-1"] == 2


def test_preferences_of_before() -> None:
    """An FL has not been there since a time that is still to come."""
    world = World("fl-1", "fl-2")
    world.now += 2 * HOUR
    for floodlight in world.floodlights.values():
        floodlight.switches = dict.fromkeys(SWITCHES[:1], "ACTIVATED")
    world.run()
    world.tell(world.home("fl-2"), peers.PreferFloodlight("fl-2", None, 200))
    world.run()
    assert world.active(SWITCHES[0]) == "fl-1"
    world.now -= HOUR
    world.pass_time(12_000)
    assert world.active(SWITCHES[0]) == "fl-2"
    assert not world.unkept()


def test_whoever_takes_over_may_have_a_clock_that_is_far_behind() -> None:
    """The deadlines that it finds were set by another clock."""
    world = one()
    world.floodlights["fl-1"].usual = SILENT
    world.ask(SWITCHES[0], "op")
    world.run()
    world.now -= HOUR
    world.restart(world.home(SWITCHES[0]))
    world.pass_time(4_000)
    assert len(world.seen(TOPICS["flow"])) == 1


def states(world: World) -> set[tuple[bool, bool, int]]:
    """What the shards know of fl-1."""
    states = [shard.context.floodlights["fl-1"] for shard in world.shards]
    return {(state.known, state.up, state.syncing) for state in states}


@pytest.mark.parametrize("what", ["outage", "sync"])
def test_numbers_that_were_told_and_not_kept(what: str) -> None:
    """The home of an FL told the others something under a number of its clock, and died before that
    was in a changelog. Whoever takes over has a clock that is behind, and is heard all the same.
    """
    world = one()
    floodlight = world.floodlights["fl-1"]
    home = world.home("fl-1")
    world.pass_time(3_000)
    if what == "outage":
        floodlight.die()
        while not world.counts["outages", "fl-1"]:
            world.advance(500)
            logs = world.inputs_of(home)
            if any("CaughtUp" in str(item) for item in world._reached[home]):
                break
            for shard in range(3):
                world.step(shard)
            assert logs
        world.step(home, crash=Crash.IN_CHANGELOGS)
    else:
        world.tell(home, peers.SyncWanted("fl-1", "please"))
        world.step(home, crash=Crash.IN_CHANGELOGS)
    world.now -= 30_000
    floodlight.come_back()
    world.run()
    world.pass_time(8_000)
    assert states(world) == {(True, True, 0)}
    for switch in SWITCHES:
        world.ask(switch, f"op-{switch}")
    world.run()
    answers = world.seen(TOPICS["flow"])
    assert {each.json["clazz"].rpartition(".")[2] for each in answers} == {"InfoMessage"}
    assert len(answers) == 3


def test_numbers_that_nobody_can_have_told() -> None:
    """A shard that lies about them cannot make an FL's home count beyond what can be kept."""
    world = one()
    home = world.home("fl-1")
    for _ in range(3):
        world.tell(home, peers.FloodlightState("fl-1", 1 << 53, True, False, True))
        world.tell(home, peers.SyncReceipt("fl-1", 1 << 53, 0))
        world.run()
    world.restart(home)
    world.pass_time(3_000)
    assert states(world) == {(True, True, 0)}
