"""Old-form chains, whose links find their request by ids that the FL made up."""

from __future__ import annotations

from itertools import permutations

import pytest

from flrouter.core.requests.links import MAX_ORPHAN_WAITS, MAX_ORPHANS
from flrouter.core.values import peers
from flrouter.messages import names
from flrouter.messages.forms import build

from . import oracle
from .floodlight import ONLY_ACK, Doing
from .world import SHARDS, TOPICS, World

SWITCH = "00:00:00:00:00:00:00:09"


@pytest.fixture
def world() -> World:
    """One FL that acknowledges commands for its switch."""
    world = World("fl-1", "fl-2", partitions=4)
    world.floodlights["fl-1"].switches[SWITCH] = "ACTIVATED"
    world.run()
    return world


def links(world: World, count: int = 4) -> list[bytes]:
    """Ask, and return the chain that the FL is about to write."""
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    asked = world.ask(SWITCH)
    world.run()
    suffixes = world.shards[0].context.suffixes
    cid = suffixes.add("op", world.home(SWITCH), asked.origin.number)
    answers = floodlight.answers(cid, 0, Doing(answer="old", links=count), b"")
    return [data for _, _, data in answers]


def out(world: World) -> list[int]:
    """Which links the requester has."""
    return [record.json["payload"].get("link", -1) for record in world.seen(TOPICS["flow"])]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_links_in_any_order(world: World, order: tuple[int, ...]) -> None:
    """Whichever comes first waits for the other, wherever they are written."""
    chain = links(world)
    for partition, at in enumerate(order):
        world.write("kilda.fl.fl-1.write", None, chain[at], partition)
        world.run()
    assert out(world) == [0, 1, 2, 3]
    assert world.left()["pending"] == 0
    first, *others = world.seen(TOPICS["flow"])
    assert first.json["correlation_id"] == "op"
    assert [each.value for each in others] == chain[1:]


def test_a_foreign_link_is_not_taken_for_the_next(world: World) -> None:
    """An id that another FL uses is not the chain's, whether it comes before or after."""
    chain = links(world)
    world.write("kilda.fl.fl-2.write", None, chain[1], 0)
    world.run()
    world.write("kilda.fl.fl-1.write", None, chain[0], 0)
    world.run()
    world.write("kilda.fl.fl-2.write", None, chain[1], 0)
    world.run()
    assert out(world) == [0]
    for link in chain[1:]:
        world.write("kilda.fl.fl-1.write", None, link, 0)
    world.run()
    assert out(world) == [0, 1, 2, 3]


def test_repeated_links(world: World) -> None:
    """A link goes out once; what is left of its copies is forgotten."""
    for link in links(world):
        for _ in range(2):
            world.write("kilda.fl.fl-1.write", None, link, 0)
            world.run()
    assert out(world) == [0, 1, 2, 3]
    world.pass_time(20_000)
    assert not any(world.left().values())


def test_links_that_nobody_asked_for(world: World) -> None:
    """They wait a while, a few under each id, and are counted when they are dropped."""
    for at in range(MAX_ORPHANS + 2):
        payload = {"clazz": "x.Y", "at": at}
        data = build.message(names.CHUNK, payload, "nobodys", 0, next_request_id=None)
        world.write("kilda.fl.fl-1.write", None, data, 0)
    world.run()
    assert world.left()["links"] == 1
    world.pass_time(20_000)
    assert world.left()["links"] == 0
    assert world.counts["stray", "fl-1"] == MAX_ORPHANS
    assert not world.seen(TOPICS["flow"])


def test_a_link_that_lies_unread_when_the_time_is_over(world: World) -> None:
    """The chain goes on: neither the request nor the link's id may be forgotten before it is read.

    Found by this: the ids' deadlines fired without looking at what was still to be read.
    """
    chain = links(world, 3)
    log = world.logs["kilda.fl.fl-1.write", 0]
    world.write("kilda.fl.fl-1.write", None, chain[0], 0)
    world.run()
    world.write("kilda.fl.fl-1.write", None, chain[1], 0)
    for _ in range(5):
        world.advance(1_000, tick=False)
        for shard in range(4):
            world.step(shard, only=lambda each: each is not log)
    world.run()
    assert out(world) == [0, 1]
    world.write("kilda.fl.fl-1.write", None, chain[2], 0)
    world.run()
    assert out(world) == [0, 1, 2]


def test_a_chain_goes_on_after_restarts(world: World) -> None:
    """Expected ids and waiting links are kept in the changelog."""
    chain = links(world)
    for at in (3, 1, 0, 2):
        world.write("kilda.fl.fl-1.write", None, chain[at], 0)
        world.run()
        for shard in range(4):
            world.restart(shard)
    world.run()
    assert out(world) == [0, 1, 2, 3]
    world.pass_time(8_000)
    assert not any(world.left().values())
    oracle.answers(world)


def test_a_note_that_comes_twice_changes_nothing(world: World) -> None:
    """After a kill a shard may say again which link it waits for."""
    chain = links(world, 2)
    world.write("kilda.fl.fl-1.write", None, chain[0], 0)
    world.run()
    notes = [
        (log, record)
        for (topic, _), log in list(world.logs.items())
        if topic == SHARDS
        for record in log
        if record.header.get("flrouter-what") == "peer"
        and isinstance(peers.decode(record.value), peers.NextLink)
    ]
    [(log, note)] = notes
    for _ in range(2):
        world.write(note.topic, None, note.value, note.partition, note.headers)
        world.run()
    world.write("kilda.fl.fl-1.write", None, chain[1], 0)
    world.run()
    assert out(world) == [0, 1]
    assert log.waiting == 0


def test_ids_of_a_removed_floodlight_are_forgotten_at_once(world: World) -> None:
    """Nobody reads its write topic any more, so there is nothing to wait for."""
    chain = links(world)
    world.write("kilda.fl.fl-1.write", None, chain[0], 0)
    world.write("kilda.fl.fl-1.write", None, chain[2], 0)
    world.run()
    assert world.left()["links"] == 2
    world.remove("fl-1")
    world.run()
    world.advance(9_100)
    assert world.left()["links"] == 0


def test_a_link_that_lies_on_its_way_when_the_time_is_over(world: World) -> None:
    """It goes by its id's home to its request's, so both of the shards' partitions count."""
    chain = links(world, 2)
    owner, way = world.home(SWITCH), world.home("fl-1-0-link-1")
    assert len({owner, way}) == 2
    world.write("kilda.fl.fl-1.write", None, chain[0], owner)
    world.run()
    world.write("kilda.fl.fl-1.write", None, chain[1], owner)
    world.step(owner)
    for _ in range(5):
        world.advance(1_000)
        for shard in range(4):
            world.step(shard, only=lambda each: each is not world.logs[SHARDS, way])
    world.run()
    assert out(world) == [0, 1]


def test_a_clock_that_is_set_back(world: World) -> None:
    """A link that waits is kept no longer than one that comes now."""
    chain = links(world, 2)
    world.write("kilda.fl.fl-1.write", None, chain[1], 0)
    world.run()
    [shard] = [shard for shard in world.shards if shard.context.links]
    earlier = world.now - 3_600_000
    shard.decide([], earlier)
    [link] = shard.context.links.values()
    assert link.due == earlier + MAX_ORPHAN_WAITS * shard.context.rules.response_timeout
