"""Deadlines of pending requests, to the millisecond that a tick can see."""

from __future__ import annotations

import pytest

from flrouter.core.state.deadlines import GRAIN_MS
from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK, SILENT, Doing, Floodlight
from .world import TOPICS, Record, World

SWITCH = "00:00:00:00:00:00:00:09"


def lying(doing: Doing = SILENT, *, acks: bool = True) -> tuple[World, Floodlight, str]:
    """A command that lies with its FL, and the id under which it does."""
    world = World("fl-1", partitions=1, acks=acks, alive_timeout=10**9)
    floodlight = world.floodlights["fl-1"]
    floodlight.switches[SWITCH] = "ACTIVATED"
    floodlight.usual = doing
    world.run()
    asked = world.ask(SWITCH)
    world.run()
    cid = world.shards[0].context.suffixes.add("op", 0, asked.origin.number)
    return world, floodlight, cid


def answers(world: World) -> list[Record]:
    """What the requester has."""
    return world.seen(TOPICS["flow"])


def wait(world: World, ms: int) -> None:
    """Time passes in small steps, with everything read."""
    world.pass_time(ms, grain=10)


def test_no_ack_within_its_time() -> None:
    """NOT_FOUND, no earlier than ACK_TIMEOUT and within a grain and a tick of it."""
    world, _, _ = lying()
    wait(world, 999)
    assert not answers(world)
    wait(world, GRAIN_MS + 20)
    [error] = answers(world)
    assert error.json["payload"]["error-type"] == "NOT_FOUND"
    assert "did not acknowledge" in error.json["payload"]["error-message"]


def test_no_answer_within_its_time() -> None:
    """OPERATION_TIMED_OUT; the time counts from the ack."""
    world, floodlight, cid = lying()
    wait(world, 900)
    floodlight.write(build.ack(cid, 0), SWITCH)
    wait(world, 2_999)
    floodlight.write(build.ack(cid, 0), SWITCH)  # a second ack buys no time
    assert not answers(world)
    wait(world, GRAIN_MS + 20)
    [error] = answers(world)
    assert error.json["payload"]["error-type"] == "OPERATION_TIMED_OUT"


def test_a_floodlight_that_cannot_ack() -> None:
    """Only the response timeout applies, from the start."""
    world, _, _ = lying(acks=False)
    wait(world, 2_990)
    assert not answers(world)
    wait(world, GRAIN_MS + 20)
    [error] = answers(world)
    assert error.json["payload"]["error-type"] == "OPERATION_TIMED_OUT"


def test_each_link_of_a_chain_has_its_own_time() -> None:
    """The next link is due a response timeout after the last one came."""
    world, floodlight, cid = lying(ONLY_ACK)
    for at in range(3):
        wait(world, 2_900)
        floodlight.write(build.chunk({"clazz": "x.Y"}, cid, at, 4, 0), SWITCH)
    wait(world, 2_900)
    assert len(answers(world)) == 3
    wait(world, 200)
    error = answers(world)[-1]
    assert error.json["payload"]["error-type"] == "OPERATION_TIMED_OUT"
    assert "after part of a chain" in error.json["payload"]["error-description"]
    assert error.key == answers(world)[0].key, "all of a chain goes to one partition"


@pytest.mark.parametrize("moment", ["before", "while"])
def test_an_answer_that_lies_there_when_time_is_over(moment: str) -> None:
    """Read before the deadline fires, it is in time; also if it came while the topic was read."""
    world, floodlight, cid = lying(ONLY_ACK)
    answer = build.message(names.INFO, {"clazz": "x.Y"}, cid, 0)
    if moment == "before":
        floodlight.write(answer, SWITCH)
    world.advance(4_000)
    if moment == "while":
        floodlight.write(answer, SWITCH)
    world.run()
    kinds = [record.json["clazz"] for record in answers(world)]
    assert kinds[0] == (names.INFO if moment == "before" else kinds[0])
    assert len(kinds) == 1


def test_nobody_waits_for_more_than_lay_there() -> None:
    """The deadline fires when that was read, though new records come all the time."""
    world, floodlight, _ = lying(ONLY_ACK)
    log = world.logs[floodlight.write_topic, 0]
    world.advance(4_000)
    end = len(log)
    for _ in range(5):
        floodlight.event(SWITCH, "ACTIVATED")
        floodlight.event(SWITCH, "ACTIVATED")
        world.step(0, most=1)
    assert log.read >= end
    assert log.waiting
    assert len(answers(world)) == 1


def test_the_blacklist_entry_expires() -> None:
    """After BLACKLIST_TTL nothing is left of the request."""
    world, _, _ = lying()
    wait(world, 1_100)
    assert world.left()["blacklist"] == 1
    wait(world, 4_800)
    assert world.left()["blacklist"] == 1
    wait(world, 200)
    assert not any(world.left().values())


def test_losing_a_switch_ends_its_commands_alone() -> None:
    """Those of the FL's other switches go on."""
    world, floodlight, _ = lying(ONLY_ACK)
    other = "00:00:00:00:00:00:00:0a"
    floodlight.connect(other)
    world.run()
    world.ask(other, "other")
    world.run()
    floodlight.disconnect(SWITCH)
    world.run()
    [error] = answers(world)
    assert error.json["correlation_id"] == "op"
    assert error.json["payload"]["error-type"] == "NOT_FOUND"
    assert "lost switch" in error.json["payload"]["error-message"]
    assert world.left()["pending"] == 1
    assert error.key == SWITCH.encode()
