"""A request's number is where its command was read. When an inbound topic is deleted and made again
the places come again: what is read there then is a new command, if its id says so.
"""

from __future__ import annotations

import pytest

from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK, SILENT
from .gathered import DUMP, MANY
from .world import INBOUND, TOPICS, World

SWITCHES = ["00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"]
FLOW = TOPICS["flow"]
NORTHBOUND = TOPICS["northbound"]


@pytest.fixture
def world() -> World:
    """One FL that holds two switches and answers nothing until it is told to."""
    world = World("fl-1")
    world.floodlights["fl-1"].switches = dict.fromkeys(SWITCHES, "ACTIVATED")
    world.run()
    world.floodlights["fl-1"].usual = ONLY_ACK
    return world


def make_again(world: World) -> None:
    """The inbound topic is deleted and made again."""
    for partition in range(world.rules.partitions):
        log = world.logs[INBOUND, partition]
        assert not log.waiting
        log.clear()
        log.read = 0


def ask(world: World, name: str, switch: str = SWITCHES[0]) -> None:
    """Send a command; the first after the topic was made comes to the place of the first before."""
    world.ask(switch, name)
    world.run()


def answers(world: World, topic: str = FLOW) -> list[tuple[str, str]]:
    """The id of each answer, and the type of its error, or nothing."""
    return [
        (each.json["correlation_id"], (each.json["payload"] or {}).get("error-type", ""))
        for each in world.seen(topic)
    ]


def test_the_place_of_a_pending_command(world: World) -> None:
    """That ends with an error, and what its FL still says of it is for nobody."""
    floodlight = world.floodlights["fl-1"]
    ask(world, "before")
    suffix = world.shards[0].context.suffixes.add
    [(number, _)] = world.shards[world.home(SWITCHES[0])].context.pending.items()
    make_again(world)
    ask(world, "after")
    assert answers(world) == [("before", "INTERNAL_ERROR")]
    late = suffix("before", world.home(SWITCHES[0]), number)
    floodlight.write(build.message(names.INFO, {"clazz": "x.Done"}, late, world.now), SWITCHES[0])
    floodlight.write(build.ack(late, world.now), SWITCHES[0])
    world.run()
    assert world.counts["stray", "fl-1"] == 2
    own = suffix("after", world.home(SWITCHES[0]), number)
    floodlight.write(build.message(names.INFO, {"clazz": "x.Done"}, own, world.now), SWITCHES[0])
    world.run()
    assert answers(world) == [("before", "INTERNAL_ERROR"), ("after", "")]
    world.pass_time(10_000)
    assert not any(world.left().values())
    assert not world.unkept()


def test_the_place_of_one_that_failed(world: World) -> None:
    """It is blacklisted, and the new one is not."""
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = SILENT
    ask(world, "before")
    world.pass_time(1_500)
    make_again(world)
    floodlight.usual = ONLY_ACK
    ask(world, "after")
    assert [each.number for each in floodlight.handlings][-2:] == 2 * [
        floodlight.handlings[-1].number
    ]
    assert answers(world) == [("before", "NOT_FOUND")]


def test_the_place_of_one_that_was_pending_at_a_takeover(world: World) -> None:
    """The same command there is the same request, for as long as the shard is owned."""
    floodlight = world.floodlights["fl-1"]
    ask(world, "before")
    home = world.home(SWITCHES[0])
    world.restart(home)
    [(number, _)] = world.shards[home].context.pending.items()
    cid = world.shards[0].context.suffixes.add("before", home, number)
    floodlight.write(build.message(names.INFO, {"clazz": "x.Done"}, cid, world.now), SWITCHES[0])
    world.run()
    handled = len(floodlight.handlings)
    make_again(world)
    ask(world, "before")
    assert len(floodlight.handlings) == handled, "it is read again after the kill"
    make_again(world)
    ask(world, "after")
    assert len(floodlight.handlings) == handled + 1


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_the_place_of_one_for_several_switches(
    world: World, *, answered: bool, together: bool
) -> None:
    """Its parts have made room too, and none of what came for them gets into the new answer;
    whether both are gathered in one shard or not.
    """
    floodlight = world.floodlights["fl-1"]
    names_after = (f"after-{number}" for number in range(100))
    after = next(
        name for name in names_after if (world.home(name) == world.home("before")) == together
    )

    def ask_many(name: str) -> None:
        payload = {"clazz": MANY, "switch_ids": SWITCHES, "command": {"clazz": DUMP}}
        data = build.message(names.COMMAND, payload, name, world.now)
        world.ask_raw(data, name, NORTHBOUND, partition=0)
        world.run()

    if answered:
        world.floodlights["fl-1"].usual = SILENT
    ask_many("before")
    if answered:
        world.pass_time(1_500)
    make_again(world)
    floodlight.usual = ONLY_ACK
    ask_many(after)
    for handling in floodlight.handlings[-2:]:
        switch = SWITCHES[int(handling.number.rpartition(".")[2])]
        home = world.home(switch)
        for name in ("before", after):
            cid = world.shards[0].context.suffixes.add(name, home, handling.number)
            done = build.message(names.INFO, {"clazz": f"x.{name}"}, cid, world.now)
            floodlight.write(done, switch)
    world.run()
    assert answers(world, NORTHBOUND) == [
        ("before", "NOT_FOUND" if answered else "INTERNAL_ERROR"),
        (after, ""),
    ]
    results = world.seen(NORTHBOUND)[-1].json["payload"]["results"]
    assert [each["payload"]["clazz"] for each in results] == [f"x.{after}", f"x.{after}"]
    world.pass_time(30_000)
    assert not any(world.left().values())
    assert not world.unkept()
