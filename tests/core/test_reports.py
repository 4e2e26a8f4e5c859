"""What FLs send: answers, chains, events, and what is none of these."""

from __future__ import annotations

import random

import pytest

from flrouter.messages import names
from flrouter.messages.forms import build

from . import oracle
from .floodlight import ONLY_ACK, SILENT, Doing
from .world import REPLIES, TOPICS, Asked, World

SWITCH = "00:00:00:00:00:00:00:09"


@pytest.fixture
def world() -> World:
    """Two FLs; the first one holds the switch and acknowledges, and answers when told to."""
    world = World("fl-1", "fl-2", max_message_bytes=2_000)
    world.floodlights["fl-1"].switches[SWITCH] = "ACTIVATED"
    world.run()
    return world


def pending(world: World, doing: Doing = SILENT) -> tuple[Asked, str]:
    """A command that lies with its FL; returns the id that the FL saw, too."""
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = doing
    asked = world.ask(SWITCH)
    world.run()
    suffixes = world.shards[0].context.suffixes
    return asked, suffixes.add("op", world.home(SWITCH), asked.origin.number)


def said(world: World, topic: str = TOPICS["flow"]) -> list[bytes]:
    """What came on a topic, after everything was read."""
    world.run()
    return [record.value for record in world.seen(topic)]


# -- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize(
    "answer", ["message", "echo", "error", "chain", "old", "empty", "half", "old half"]
)
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("order", [0, 1])
def test_every_form_of_answer(
    world: World, answer: str, scattered: bool, twice: bool, order: int
) -> None:
    """One final answer, also with null keys, repeated records and links in any order."""
    floodlight = world.floodlights["fl-1"]
    floodlight.scatter = random.Random(5) if scattered else None
    floodlight.usual = Doing(answer=answer, twice=twice, order=order, links=4)
    world.ask(SWITCH)
    world.ask(SWITCH, reply_to=REPLIES)
    world.run()
    if "half" in answer:
        world.pass_time(4_000)
    world.pass_time(22_000)
    oracle.check(world)
    [flow] = [got for number, got in oracle.answers(world).items() if number.endswith(".0")]
    errors = [got.error["error-type"] for got in flow if got.error is not None]
    assert errors == (["OPERATION_TIMED_OUT"] if "half" in answer else [])


def test_only_the_asked_floodlight_may_answer(world: World) -> None:
    """Known by its write topic, whatever the message says; a foreign ack counts for nothing."""
    _, cid = pending(world)
    other = world.floodlights["fl-2"]
    foreign = build.message(names.INFO, {"clazz": "x.Y"}, cid, 0, region="fl-1")
    other.write(foreign, SWITCH)
    other.write(build.ack(cid, 0), SWITCH)
    other.write(build.chunk({"clazz": "x.Y"}, cid, 0, 1, 0), SWITCH)
    assert said(world) == []
    assert world.counts["foreign", "fl-2"] == 2
    world.pass_time(1_500)
    [error] = world.seen(TOPICS["flow"])
    assert error.json["payload"]["error-type"] == "NOT_FOUND"


def test_headers_of_a_floodlight_that_look_like_ours(world: World) -> None:
    """They do not make its answer to one command the answer to another."""
    _, first = pending(world, ONLY_ACK)
    world.ask(SWITCH, "second")
    world.run()
    number = f"{first.rpartition('.')[0].rpartition('~')[2].split('.', 2)[2]}.1"
    answer = build.message(names.INFO, {"clazz": "x.Y"}, first, 0)
    for partition in range(3):
        headers = [("flrouter-number", number.encode()), ("flrouter-what", b"peer")]
        world.write("kilda.fl.fl-1.write", None, answer, partition, headers)
    world.run()
    assert [record.json["correlation_id"] for record in world.seen(TOPICS["flow"])] == ["op"]
    assert world.left()["pending"] == 1


def test_an_answer_after_the_error_is_dropped_and_counted(world: World) -> None:
    """The blacklist holds it back, and then forgets it."""
    _, cid = pending(world)
    world.pass_time(1_500)
    floodlight = world.floodlights["fl-1"]
    late = build.message(names.INFO, {"clazz": "x.Y"}, cid, 0)
    for data in (build.ack(cid, 0), late, build.chunk(None, cid, 0, 0, 0)):
        floodlight.write(data, SWITCH)
    assert len(said(world)) == 1
    assert world.counts["late", "fl-1"] == 3
    world.pass_time(6_000)
    floodlight.write(late, SWITCH)
    assert len(said(world)) == 1
    assert world.counts["stray", "fl-1"] == 1
    assert world.left()["blacklist"] == 0


def test_an_ack_is_no_answer_and_may_come_late_or_twice(world: World) -> None:
    """It is never passed on; after the answer it means nothing."""
    asked, cid = pending(world)
    floodlight = world.floodlights["fl-1"]
    for _ in range(2):
        floodlight.write(build.ack(cid, 0), SWITCH)
    assert said(world) == []
    floodlight.write(build.message(names.INFO, {"clazz": "x.Y"}, cid, 0), SWITCH)
    floodlight.write(build.ack(cid, 0), SWITCH)
    assert len(said(world)) == 1
    stray = build.ack("nobody", 0)
    floodlight.write(stray, SWITCH)
    assert len(said(world)) == 1
    assert world.counts["stray", "fl-1"] == 1
    assert asked.correlation_id == "op"


def test_an_answer_without_an_ack_is_an_answer(world: World) -> None:
    """The ack may be lost, or come on another partition that is read later."""
    _, cid = pending(world)
    world.floodlights["fl-1"].write(build.chunk({"clazz": "x.Y"}, cid, 0, 2, 0), SWITCH)
    world.pass_time(1_500)
    world.floodlights["fl-1"].write(build.chunk({"clazz": "x.Y"}, cid, 1, 2, 0), SWITCH)
    assert len(said(world)) == 2
    assert world.left()["pending"] == 0


def test_links_that_fit_no_chain(world: World) -> None:
    """Dead-lettered, and the chain goes on without them."""
    _, cid = pending(world)
    floodlight = world.floodlights["fl-1"]
    floodlight.write(build.chunk({"clazz": "x.Y"}, cid, 0, 3, 0), SWITCH)
    bad = [
        build.chunk({"clazz": "x.Y"}, cid, 1, 4, 0),
        build.chunk({"clazz": "x.Y"}, cid, 3, 3, 0),
        build.message(names.CHUNK, {"clazz": "x.Y"}, cid, 0, total_messages=3, message_id="?"),
    ]
    for data in bad:
        floodlight.write(data, SWITCH)
    for at in (1, 2):
        floodlight.write(build.chunk({"clazz": "x.Y"}, cid, at, 3, 0), SWITCH)
    assert len(said(world)) == 3
    assert [record.value for record in world.dead()] == bad
    assert "a chain of 3" in world.dead()[0].header["flrouter-reason"]
    assert world.dead()[0].header["flrouter-topic"] == "kilda.fl.fl-1.write"


def test_a_chain_that_ends_in_an_error(world: World) -> None:
    """The FL's own error is the final answer."""
    _, cid = pending(world)
    floodlight = world.floodlights["fl-1"]
    floodlight.write(build.chunk({"clazz": "x.Y"}, cid, 0, 3, 0), SWITCH)
    floodlight.write(build.message(names.ERROR, {"clazz": names.ERROR_DATA}, cid, 0), SWITCH)
    floodlight.write(build.chunk({"clazz": "x.Y"}, cid, 1, 3, 0), SWITCH)
    assert [b"ErrorMessage" in value for value in said(world)] == [False, True]
    keys = {record.key for record in world.seen(TOPICS["flow"])}
    assert keys == {b"op"}, "all of a chain goes out to one partition"


def test_an_answer_that_is_too_large(world: World) -> None:
    """INTERNAL_ERROR in its place, and its head is a dead letter."""
    _, cid = pending(world)
    large = build.message(names.INFO, {"clazz": "x.Y", "x": "x" * 3_000}, cid, 0)
    world.floodlights["fl-1"].write(large, SWITCH)
    world.run()
    [error] = world.seen(TOPICS["flow"])
    assert error.json["payload"]["error-type"] == "INTERNAL_ERROR"
    assert error.json["correlation_id"] == "op"
    [dead] = world.dead()
    assert dead.value == large[:1_000]
    assert dead.header["flrouter-size"] == str(len(large))
    assert world.left()["pending"] == 0


def test_a_link_that_is_too_large_ends_the_chain(world: World) -> None:
    """No answer after an error: the links that follow are dropped."""
    _, cid = pending(world)
    floodlight = world.floodlights["fl-1"]
    for at in range(3):
        payload = {"clazz": "x.Y", "x": "x" * (3_000 if at == 1 else 1)}
        floodlight.write(build.chunk(payload, cid, at, 3, 0), SWITCH)
    world.run()
    kinds = [record.json["clazz"] for record in world.seen(TOPICS["flow"])]
    assert kinds == [names.CHUNK, names.ERROR]
    assert world.left()["pending"] == 0


def test_one_of_the_answers_to_all_is_too_large(world: World) -> None:
    """Of a command to every FL, one answer's error does not end the others."""
    clazz = "x.PortsCommandData"
    for floodlight in world.floodlights.values():
        floodlight.usual = SILENT
    asked = world.ask(None, clazz=clazz)
    world.run()
    suffixes = world.shards[0].context.suffixes
    cid = suffixes.add("op", world.home("op"), f"{asked.origin.number}.0")
    for size in (3_000, 1):
        payload = {"clazz": "x.Y", "switch_id": SWITCH, "x": "x" * size}
        world.floodlights["fl-1"].write(build.message(names.INFO, payload, cid, 0), None)
    world.run()
    kinds = [record.json["clazz"] for record in world.seen(TOPICS["stats"])]
    assert kinds == [names.ERROR, names.INFO]
    assert world.seen(TOPICS["stats"])[1].key == SWITCH.encode()


# -- events -------------------------------------------------------------------------------------


@pytest.mark.parametrize("partition", [0, 1, 2])
@pytest.mark.parametrize(
    ("payload", "topic"),
    [
        ({"clazz": "x.PortInfoData", "switch_id": "9"}, "disco"),
        ({"clazz": "x.IslInfoData", "path": [{"switch_id": "1"}, {"switch_id": "9"}]}, "disco"),
        ({"clazz": "x.PortStatsData", "switch_id": "9"}, "stats"),
        ({"clazz": "x.Unheard", "switch_id": "9"}, "disco"),
    ],
)
def test_events_that_nobody_asked_for(
    world: World, payload: dict[str, object], topic: str, partition: int
) -> None:
    """Passed on as they are, keyed by the switch that is their origin."""
    floodlight = world.floodlights["fl-1"]
    floodlight.partition = partition
    data = build.message(names.INFO, payload, "event-1", 0)
    floodlight.write(data, None)
    assert said(world, TOPICS[topic])[-1] == data
    assert world.seen(TOPICS[topic])[-1].key == SWITCH.encode()


def test_errors_that_nobody_asked_for(world: World) -> None:
    """Keyed by their correlation id where they name no switch."""
    data = build.message(names.ERROR, {"clazz": names.ERROR_DATA}, "foreign~id", 0)
    world.floodlights["fl-1"].write(data, None)
    assert said(world) == [data]
    assert world.seen(TOPICS["flow"])[0].key == b"foreign~id"


def test_an_event_makes_its_switch_known(world: World) -> None:
    """Who names a switch as its origin has it; the remote end of a link is no origin."""
    nodes = [{"switch_id": "0a"}, {"switch_id": "0b"}]
    data = build.message(names.INFO, {"clazz": names.ISL_EVENT, "path": nodes}, "e", 0)
    world.floodlights["fl-2"].write(data, None)
    world.run()
    assert world.active("00:00:00:00:00:00:00:0b") == "fl-2"
    assert world.active("00:00:00:00:00:00:00:0a") == ""


def test_a_switch_event_of_another_kind(world: World) -> None:
    """CHANGED, or a state that is no text, says only that the FL has the switch."""
    floodlight = world.floodlights["fl-1"]
    for state in ("CHANGED", 7, None):
        payload = {"clazz": names.SWITCH_EVENT, "switch_id": SWITCH, "state": state}
        floodlight.write(build.message(names.INFO, payload, "e", 0), SWITCH)
    world.run()
    assert world.active(SWITCH) == "fl-1"
    assert len(world.notices(names.SWITCH_EVENT, SWITCH)) == 3


def test_an_event_over_the_size_limit(world: World) -> None:
    """Its head is a dead letter."""
    payload = {"clazz": "x.PortInfoData", "switch_id": "9", "x": "x" * 3_000}
    data = build.message(names.INFO, payload, "e", 0)
    world.floodlights["fl-1"].write(data, SWITCH)
    before = len(world.seen(TOPICS["disco"]))
    assert len(said(world, TOPICS["disco"])) == before
    [dead] = world.dead()
    assert dead.value == data[:1_000]
    assert dead.header["flrouter-size"] == str(len(data))


# -- dead letters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (b"\xff", ""),
        (b"[]", ""),
        (b'{"clazz":"x.Unheard"}', "no message that an FL sends"),
        (b'{"clazz":"a.command.CommandMessage","payload":{"clazz":"x"}}', "a command from an FL"),
        (b'{"clazz":"a.info.ChunkedInfoMessage","total_messages":2}', "message_id is None"),
        (b'{"clazz":"a.info.ChunkedInfoMessage","message_id":"1 : x"}', "total_messages is None"),
    ],
)
@pytest.mark.parametrize("partition", [0, 1])
def test_bad_records_on_a_write_topic(
    world: World, data: bytes, reason: str, partition: int
) -> None:
    """Kept with the reason and with where they came from."""
    world.write("kilda.fl.fl-1.write", None, data, partition, [("mine", b"1")])
    world.run()
    [dead] = world.dead()
    assert dead.value == data
    assert dead.header["mine"] == "1"
    assert reason in dead.header["flrouter-reason"]
    assert dead.header["flrouter-topic"] == "kilda.fl.fl-1.write"
    assert dead.header["flrouter-partition"] == str(partition)


def test_records_of_an_fl_that_nobody_knows(world: World) -> None:
    """Removed, or never added: counted and dropped."""
    world.remove("fl-1")
    world.run()
    before = len(world.out)
    world.floodlights["fl-1"].event(SWITCH, "ACTIVATED")
    world.write("kilda.fl.fl-1.write", None, b"rubbish", 0)
    world.run()
    assert len(world.out) == before
    assert world.counts["unknown_floodlight", "fl-1"] == 2
