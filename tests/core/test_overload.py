"""A shard that has enough to do refuses more, and a slow FL does not use up what others need."""

from __future__ import annotations

from collections import Counter

from .floodlight import ONLY_ACK
from .world import TOPICS, World

FIRST, SECOND = "00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"
MAX_PENDING = 40


def overloaded(*floodlights: str, **changes: int) -> World:
    """The first FL acknowledges and never answers."""
    world = World(
        *floodlights,
        partitions=1,
        max_pending=MAX_PENDING,
        alive_timeout=10**9,
        response_timeout=60_000,
        **changes,
    )
    world.floodlights["fl-1"].switches[FIRST] = "ACTIVATED"
    world.floodlights["fl-1"].usual = ONLY_ACK
    if "fl-2" in floodlights:
        world.floodlights["fl-2"].switches[SECOND] = "ACTIVATED"
    world.run()
    return world


def errors(world: World) -> Counter[str]:
    """The messages of all errors so far."""
    said = [record.json["payload"] for record in world.seen(TOPICS["flow"])]
    return Counter(one["error-message"] for one in said if "error-type" in one)


def test_a_slow_floodlight_leaves_room_for_the_others() -> None:
    """It may hold three quarters; more for it is refused at once, and others go on."""
    world = overloaded("fl-1", "fl-2")
    for _ in range(MAX_PENDING):
        world.ask(FIRST)
    world.run()
    assert errors(world) == {"floodlight fl-1 has 30 commands to answer": 10}
    assert world.shards[0].load() == 0.75
    world.restart(0)
    world.ask(FIRST)
    world.run()
    assert errors(world) == {"floodlight fl-1 has 30 commands to answer": 11}
    for _ in range(3 * MAX_PENDING):
        world.ask(SECOND)
        world.run()
    assert sum(errors(world).values()) == 11


def test_the_only_floodlight_may_have_all() -> None:
    """There is nobody to keep room for: what is too much waits in Kafka."""
    world = overloaded("fl-1")
    for _ in range(MAX_PENDING):
        world.ask(FIRST)
    world.run()
    assert not errors(world)
    assert world.shards[0].load() == 1


def test_what_other_shards_send_is_refused_beyond_twice_as_much() -> None:
    """They are not full, so nobody else stops them; a restored shard counts the same."""
    world = overloaded("fl-1")
    for _ in range(MAX_PENDING):
        world.ask(FIRST)
    world.run()
    world.restart(0)
    for _ in range(MAX_PENDING + 5):
        world.ask(FIRST)
    world.run()
    assert errors(world) == {"shard 0 has 80 commands without an answer": 5}


def test_the_blacklist_has_an_end() -> None:
    """An FL that takes commands and never answers leaves no more behind than there is room for."""
    world = overloaded("fl-1", blacklist_ttl=10**6)
    for _ in range(3):
        for _ in range(MAX_PENDING - 1):
            world.ask(FIRST)
        world.pass_time(60_000, grain=10_000)
    assert errors(world)["floodlight fl-1 did not answer in time"] == 3 * (MAX_PENDING - 1)
    blacklist = world.shards[0].context.blacklist
    assert len(blacklist) == MAX_PENDING
    newest = {str(asked.origin.number) for asked in world.asked[-MAX_PENDING:]}
    assert blacklist.keys() == newest
    world.restart(0)
    world.pass_time(world.rules.blacklist_ttl)
    assert not world.shards[0].context.blacklist


def test_a_command_that_is_held_again_takes_up_its_room_once() -> None:
    """An event of its switch that says nothing of use changes nothing."""
    world = World("fl-1", partitions=1, sync_timeout=60_000)
    floodlight = world.floodlights["fl-1"]
    floodlight.sync = "silent"
    world.run()
    world.ask(FIRST)
    world.run()
    for _ in range(5):
        floodlight.connect(FIRST, "ADDED")
        world.run()
    assert world.shards[0].requests.by_floodlight[""] == 1
