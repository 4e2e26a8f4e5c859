"""Moving switches: by hand, by draining an FL, and because another one is preferred."""

from __future__ import annotations

import pytest

from flrouter.core.values import peers

from .floodlight import ONLY_ACK, Doing
from .world import TOPICS, World

SWITCHES = [f"00:00:00:00:00:00:00:{number:02x}" for number in range(1, 9)]
SWITCH = SWITCHES[0]


@pytest.fixture
def world() -> World:
    """Two FLs that both are masters of all switches; the first speaks for them."""
    world = World("fl-1", "fl-2")
    world.floodlights["fl-1"].switches.update(dict.fromkeys(SWITCHES, "ACTIVATED"))
    world.run()
    for switch in SWITCHES:
        world.floodlights["fl-2"].connect(switch)
    world.run()
    return world


def active(world: World, switch: str = SWITCH) -> str:
    """Who speaks for a switch."""
    return world.shards[world.home(switch)].context.switches[switch].active


def tell(world: World, key: str, note: peers.Peer) -> None:
    """What an operator wants, to the home of an FL or a switch."""
    world.tell(world.home(key), note)
    world.run()


def drain(world: World, floodlight: str, drained: bool = True) -> None:
    """Drain an FL, or end that."""
    tell(world, floodlight, peers.DrainFloodlight(floodlight, drained))


def prefer(world: World, floodlight: str, *, region: str = "", weight: int = 100) -> None:
    """Say where an FL is, and how much it is preferred."""
    tell(world, floodlight, peers.PreferFloodlight(floodlight, region, weight))


def syncs(world: World, floodlight: str) -> int:
    """How often it was asked for a sync."""
    return world.counts["syncs", floodlight]


# -- draining -------------------------------------------------------------------------------------


def test_a_drained_floodlight_serves_nobody_whom_another_serves(world: World) -> None:
    """Its switches move at once; commands go to the other."""
    assert {active(world, switch) for switch in SWITCHES} == {"fl-1"}
    drain(world, "fl-1")
    assert {active(world, switch) for switch in SWITCHES} == {"fl-2"}
    world.ask(SWITCH, "op")
    world.run()
    assert world.seen(TOPICS["flow"])[-1].json["payload"]["by"] == "fl-2"
    assert world.counts["moves", "fl-2"] == len(SWITCHES)


def test_what_is_pending_ends_where_it_is(world: World) -> None:
    """The command ends at the FL that has it, and its answer counts (protocol.md, 4.2)."""
    world.floodlights["fl-1"].usual = Doing(answer_after=500)
    world.ask(SWITCH, "op")
    world.run()
    drain(world, "fl-1")
    world.pass_time(600)
    [answer] = world.seen(TOPICS["flow"])
    assert answer.json["payload"]["by"] == "fl-1"
    assert not world.floodlights["fl-2"].handlings


def test_what_nobody_else_serves_stays(world: World) -> None:
    """A switch with no other master goes on where it is, and leaves when another one comes."""
    alone = "00:00:00:00:00:00:00:99"
    world.floodlights["fl-1"].connect(alone)
    world.run()
    drain(world, "fl-1")
    assert active(world, alone) == "fl-1"
    world.ask(alone, "op")
    world.run()
    assert world.seen(TOPICS["flow"])[-1].json["payload"]["by"] == "fl-1"
    world.floodlights["fl-2"].connect(alone, "ADDED")
    world.run()
    assert active(world, alone) == "fl-1"
    world.floodlights["fl-2"].connect(alone)
    world.run()
    assert active(world, alone) == "fl-2"


def test_a_drained_floodlight_takes_over_when_nobody_else_is_left(world: World) -> None:
    """Better a drained FL than none."""
    drain(world, "fl-1")
    world.floodlights["fl-2"].die()
    world.pass_time(6_000)
    assert active(world) == "fl-1"


def test_draining_survives_a_restart_and_ends_with_removal(world: World) -> None:
    """It is part of the FL's state."""
    drain(world, "fl-1")
    for shard in range(3):
        world.restart(shard)
    world.run()
    assert all(shard.context.floodlights["fl-1"].drained for shard in world.shards)
    tell(world, "fl-1", peers.RemoveFloodlight("fl-1"))
    tell(world, "fl-1", peers.AddFloodlight("fl-1"))
    assert not any(shard.context.floodlights["fl-1"].drained for shard in world.shards)


def test_whoever_took_switches_over_is_asked_for_a_sync(world: World) -> None:
    """What it reported just before was not passed on; a sync repairs the listeners' picture."""
    before = syncs(world, "fl-2")
    drain(world, "fl-1")
    assert syncs(world, "fl-2") > before
    before = syncs(world, "fl-1")
    drain(world, "fl-1", drained=False)
    assert syncs(world, "fl-1") == before


@pytest.mark.parametrize("why", ["outage", "removed", "lost", "not listed", "reads only"])
def test_whatever_the_reason(world: World, why: str) -> None:
    """A switch that another FL takes over is a move, and that one is asked for a sync: the first
    may have kept an event to itself, for which the other one's was dropped.
    """
    first, before = world.floodlights["fl-1"], syncs(world, "fl-2")
    if why == "outage":
        first.die()
        world.pass_time(6_000)
    elif why == "removed":
        tell(world, "fl-1", peers.RemoveFloodlight("fl-1"))
    elif why == "lost":
        first.disconnect(SWITCH)
    elif why == "not listed":
        del first.switches[SWITCH]
        tell(world, "fl-1", peers.SyncWanted("fl-1", peers.OWN_SYNC))
    else:
        first.connect(SWITCH, "ADDED")
    world.run()
    assert active(world) == "fl-2"
    all_moved = why in ("outage", "removed")
    assert world.counts["moves", "fl-2"] == (len(SWITCHES) if all_moved else 1)
    assert syncs(world, "fl-2") > before


@pytest.mark.parametrize("how", ["an event", "a sync"])
def test_who_has_a_switch_only_now_is_not_asked(world: World, how: str) -> None:
    """It had nothing to report before; a switch that changes its FL in an outage is a move."""
    alone = "00:00:00:00:00:00:00:99"
    world.floodlights["fl-1"].connect(alone)
    world.run()
    world.floodlights["fl-1"].die()
    world.pass_time(6_000)
    moves, before = world.counts["moves", "fl-2"], syncs(world, "fl-2")
    if how == "an event":
        world.floodlights["fl-2"].connect(alone)
    else:
        world.floodlights["fl-2"].switches[alone] = "ACTIVATED"
        tell(world, "fl-2", peers.SyncWanted("fl-2", peers.OWN_SYNC))
    world.run()
    assert active(world, alone) == "fl-2"
    assert world.counts["moves", "fl-2"] == moves + 1
    assert syncs(world, "fl-2") == before + (how == "a sync")


def test_an_unknown_floodlight_cannot_be_drained(world: World) -> None:
    """Nothing happens but a line in the log."""
    drain(world, "nobody")
    assert not any("nobody" in shard.context.known_floodlights() for shard in world.shards)


# -- by hand --------------------------------------------------------------------------------------


def test_a_switch_moves_and_stays(world: World) -> None:
    """Preferences leave it where the operator put it."""
    prefer(world, "fl-1", weight=200)
    tell(world, SWITCH, peers.MoveSwitch(SWITCH, "fl-2"))
    assert active(world) == "fl-2"
    world.pass_time(20_000)
    assert active(world) == "fl-2"
    assert active(world, SWITCHES[1]) == "fl-1"


@pytest.mark.parametrize("why", ["no master", "down", "drained"])
def test_a_move_that_cannot_be(world: World, why: str) -> None:
    """It is refused and counted, and the switch stays."""
    if why == "no master":
        world.floodlights["fl-2"].connect(SWITCH, "ADDED")
    elif why == "down":
        world.floodlights["fl-2"].die()
        world.pass_time(6_000)
    else:
        drain(world, "fl-2")
    world.run()
    tell(world, SWITCH, peers.MoveSwitch(SWITCH, "fl-2"))
    assert active(world) == "fl-1"
    assert world.counts["moves_refused", "fl-2"] == 1


# -- by preference --------------------------------------------------------------------------------


def test_a_switch_comes_back_once_its_floodlight_has_settled(world: World) -> None:
    """Not before the settle time (5 s here), and once."""
    prefer(world, "fl-1", weight=200)
    drain(world, "fl-1")
    drain(world, "fl-1", drained=False)
    world.pass_time(4_000)
    assert active(world) == "fl-2"
    world.pass_time(7_000)
    assert {active(world, switch) for switch in SWITCHES} == {"fl-1"}
    world.pass_time(30_000)
    assert world.counts["moves", "fl-1"] == len(SWITCHES)


def test_without_preferences_nothing_comes_back(world: World) -> None:
    """The active FL is sticky (protocol.md, 8.2)."""
    drain(world, "fl-1")
    drain(world, "fl-1", drained=False)
    world.pass_time(30_000)
    assert active(world) == "fl-2"


def test_preferences_outlive_being_added_again_but_not_being_removed(world: World) -> None:
    """Whether an FL acknowledges is changed by adding it once more: all else stays."""
    home = world.shards[world.home("fl-1")].context
    prefer(world, "fl-1", region="west", weight=7)
    tell(world, "fl-1", peers.AddFloodlight("fl-1", acks=False))
    state = home.floodlights["fl-1"]
    assert (state.region, state.weight, state.acks) == ("west", 7, False)
    tell(world, "fl-1", peers.RemoveFloodlight("fl-1"))
    tell(world, "fl-1", peers.AddFloodlight("fl-1"))
    state = home.floodlights["fl-1"]
    assert (state.region, state.weight, state.acks) == ("", 100, True)


def test_preferences_are_set_one_by_one(world: World) -> None:
    """What is not said stays; an FL that is not known does not become so."""
    home = world.shards[world.home("fl-1")].context
    tell(world, "fl-1", peers.PreferFloodlight("fl-1", "west"))
    tell(world, "fl-1", peers.PreferFloodlight("fl-1", weight=7))
    state = home.floodlights["fl-1"]
    assert (state.region, state.weight, state.acks) == ("west", 7, True)
    tell(world, "fl-1", peers.PreferFloodlight("fl-1", ""))
    assert (home.floodlights["fl-1"].region, home.floodlights["fl-1"].weight) == ("", 7)
    tell(world, "fl-9", peers.PreferFloodlight("fl-9", "west", 7))
    assert "fl-9" not in world.shards[world.home("fl-9")].context.floodlights


def test_the_region_counts_more_than_the_weight(world: World) -> None:
    """An FL close to the switch is preferred; of those that are, the heavier."""
    tell(world, SWITCH, peers.PlaceSwitch(SWITCH, "west"))
    prefer(world, "fl-1", region="east", weight=500)
    prefer(world, "fl-2", region="west", weight=1)
    world.pass_time(12_000)
    assert active(world) == "fl-2"
    assert active(world, SWITCHES[1]) == "fl-1"
    for shard in range(3):
        world.restart(shard)
    tell(world, SWITCH, peers.PlaceSwitch(SWITCH, ""))
    world.pass_time(12_000)
    assert active(world) == "fl-1"


def test_a_floodlight_that_comes_and_goes_gets_nothing(world: World) -> None:
    """Each time that it is back it has to be there for the settle time."""
    prefer(world, "fl-1", weight=200)
    for _ in range(3):
        world.floodlights["fl-1"].die()
        world.pass_time(6_000)
        assert active(world) == "fl-2"
        world.floodlights["fl-1"].come_back()
        world.pass_time(3_500)
        assert active(world) == "fl-2"
    assert world.counts["moves", "fl-1"] == 0


def test_a_switch_that_comes_and_goes_there_stays_too(world: World) -> None:
    """The preferred FL must have had the switch for the settle time."""
    prefer(world, "fl-1", weight=200)
    for _ in range(4):
        world.floodlights["fl-1"].disconnect(SWITCH)
        world.run()
        world.floodlights["fl-1"].connect(SWITCH)
        world.pass_time(4_000)
        assert active(world) == "fl-2"
    world.pass_time(11_000)
    assert active(world) == "fl-1"


def test_a_switch_may_be_placed_before_it_comes(world: World) -> None:
    """And it stays placed when nobody has it."""
    late = "00:00:00:00:00:00:00:77"
    tell(world, late, peers.PlaceSwitch(late, "west"))
    world.floodlights["fl-2"].connect(late)
    world.run()
    world.floodlights["fl-2"].disconnect(late)
    world.run()
    context = world.shards[world.home(late)].context
    assert context.switches[late].region == "west"
    tell(world, late, peers.PlaceSwitch(late, ""))
    assert late not in context.switches


def test_what_is_no_switch_is_not_placed(world: World) -> None:
    """Nor one whose home is another shard."""
    world.tell(0, peers.PlaceSwitch("nonsense", "west"))
    world.tell((world.home(SWITCH) + 1) % 3, peers.PlaceSwitch(SWITCH, "west"))
    world.run()
    places = [s.region for shard in world.shards for s in shard.context.switches.values()]
    assert set(places) == {""}


def test_commands_wait_for_nobody_in_between(world: World) -> None:
    """A command right behind the drain goes to the new one; nothing is sent twice."""
    world.floodlights["fl-1"].usual = ONLY_ACK
    for number in range(20):
        world.ask(SWITCHES[number % 8], f"op-{number}")
        if number == 10:
            world.tell(world.home("fl-1"), peers.DrainFloodlight("fl-1"))
    world.run()
    total = sum(len(world.floodlights[name].handlings) for name in ("fl-1", "fl-2"))
    assert total == 20
