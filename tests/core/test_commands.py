"""Commands: where they go, and which of them end at once."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.messages import names

from .floodlight import ONLY_ACK, Doing
from .world import DEAD, FLOW, REPLIES, TOPICS, Record, World

SWITCH = "00:00:00:00:00:00:00:09"
O = "org.openkilda.messaging.command"  # noqa: E741 - as in protocol.md, 1.2


@pytest.fixture
def world() -> World:
    """Two FLs of which one holds the switch, all known and synced."""
    world = World("fl-1", "fl-2")
    world.floodlights["fl-1"].switches[SWITCH] = "ACTIVATED"
    world.run()
    return world


def error_of(record: Record) -> tuple[str, str, str]:
    """Correlation id, type and message of an ErrorMessage."""
    said = record.json
    assert said["clazz"] == names.ERROR
    assert set(said) == {"clazz", "timestamp", "correlation_id", "payload"}
    return said["correlation_id"], said["payload"]["error-type"], said["payload"]["error-message"]


def last(world: World, topic: str) -> Record:
    """The newest record of a topic, after everything was read."""
    world.run()
    return world.seen(topic)[-1]


# -- single-switch commands ---------------------------------------------------------------------


@pytest.mark.parametrize("spelled", [SWITCH, SWITCH.upper(), "9", "0x9", "0000000000000009"])
@pytest.mark.parametrize("partition", [0, 1, 2])
def test_a_command_finds_its_floodlight(world: World, spelled: str, partition: int) -> None:
    """However the switch is spelled, and wherever the command arrives."""
    asked = world.ask(spelled, "op", partition=partition)
    answer = last(world, TOPICS["flow"])
    assert answer.json["payload"]["by"] == "fl-1"
    assert answer.json["correlation_id"] == "op"
    assert answer.key == SWITCH.encode()
    [handling] = world.floodlights["fl-1"].handlings
    assert handling.number == asked.origin.number
    assert not world.floodlights["fl-2"].handlings


def test_the_command_reaches_the_floodlight_unchanged_but_for_its_id(world: World) -> None:
    """Odd values, unknown fields and record headers travel along."""
    data = (
        b'{"clazz":"a.command.CommandMessage", "n":1.0,"correlation_id":"op",'
        b'"payload":{"clazz":"x.RemoveFlow","switch_id":"9","n":1e5}}'
    )
    world.write("kilda.speaker", None, data, 0, [("trace", b"\xff")])
    world.floodlights["fl-1"].alive = False
    world.run()
    [record] = world.floodlights["fl-1"].waiting()
    cid = record.json["correlation_id"]
    assert cid.startswith("op~")
    assert record.value == data.replace(b'"op"', b'"%s"' % cid.encode())
    assert record.headers == (("trace", b"\xff"),)
    assert record.partition == world.home(SWITCH)
    assert record.key == SWITCH.encode()


@pytest.mark.parametrize(
    ("kind", "topic", "payload"),
    [
        (FLOW, "flow", {}),
        (f"{O}.flow.RemoveFlow", "flow", {}),
        (f"{O}.flow.BatchInstallRequest", "flow", {}),
        ("somebodys.Own", "flow", {}),
        (f"{O}.discovery.DiscoverIslCommandData", "disco", {}),
        (f"{O}.flow.PingRequest", "ping", {"ping": {"source": {"switch_id": "9"}}}),
        (f"{O}.switches.DumpRulesRequest", "northbound", {}),
        (f"{O}.switches.ValidateRulesRequest", "northbound", {}),
        (f"{O}.switches.ModifyDefaultMeterRequest", "northbound", {}),
        (f"{O}.switches.PortConfigurationRequest", "northbound", {}),
    ],
)
def test_who_gets_the_answer(world: World, kind: str, topic: str, payload: dict[str, Any]) -> None:
    """By kind, unless the command says."""
    switch = None if payload else SWITCH
    world.ask(switch, clazz=kind, **payload)
    assert last(world, TOPICS[topic]).json["payload"]["by"] == "fl-1"
    world.ask(switch, clazz=kind, reply_to=REPLIES, **payload)
    assert last(world, REPLIES).json["payload"]["by"] == "fl-1"


def test_a_command_without_an_id_is_given_one(world: World) -> None:
    """Its answer has to carry some id; where the command was read is one."""
    asked = world.ask(SWITCH, None)
    assert last(world, TOPICS["flow"]).json["correlation_id"] == asked.origin.number


def test_several_commands_with_one_id(world: World) -> None:
    """One flow operation spans several switches: each command is answered on its own."""
    other = "00:00:00:00:00:00:00:0a"
    world.floodlights["fl-2"].connect(other)
    world.run()
    for switch in (SWITCH, other, SWITCH):
        world.ask(switch, "op")
    world.run()
    answers = world.seen(TOPICS["flow"])
    assert [record.json["correlation_id"] for record in answers] == ["op"] * 3
    assert sorted(record.json["payload"]["by"] for record in answers) == ["fl-1", "fl-1", "fl-2"]


# -- errors at once -----------------------------------------------------------------------------


def test_nobody_holds_the_switch(world: World) -> None:
    """NOT_FOUND at once, keyed by the switch and marked with the request."""
    asked = world.ask("0f")
    record = last(world, TOPICS["flow"])
    assert error_of(record)[:2] == ("op", "NOT_FOUND")
    assert record.at == world.now
    assert record.header == {"flrouter-request": str(asked.origin)}
    assert not world.dead()


def test_only_readers_hold_the_switch(world: World) -> None:
    """An FL that is not its master gets no commands for it."""
    world.floodlights["fl-2"].connect("00:00:00:00:00:00:00:0a", "ADDED")
    world.run()
    world.ask("0a")
    assert error_of(last(world, TOPICS["flow"]))[1] == "NOT_FOUND"


def test_the_floodlight_is_in_outage(world: World) -> None:
    """NOT_FOUND at once; nothing is sent that would wait for the FL's return."""
    floodlight = world.floodlights["fl-1"]
    floodlight.die()
    world.pass_time(6_000)
    before = len(floodlight.waiting())
    world.ask(SWITCH)
    cid, kind, message = error_of(last(world, TOPICS["flow"]))
    assert (cid, kind) == ("op", "NOT_FOUND")
    assert "fl-1" in message
    assert world.seen(TOPICS["flow"])[-1].at == world.now
    assert len(floodlight.waiting()) == before


BROKEN = [
    (b"", "REQUEST_INVALID", None),
    (b"not json", "REQUEST_INVALID", None),
    (b'{"correlation_id":"op","clazz":', "REQUEST_INVALID", "op"),
    (b'{"clazz":"a.command.CommandMessage","correlation_id":"op"}', "REQUEST_INVALID", "op"),
    (
        b'{"clazz":"a.command.CommandMessage","correlation_id":"op","payload":{"switch_id":"9"}}',
        "REQUEST_INVALID",
        "op",
    ),
    (
        b'{"clazz":"a.command.CommandMessage","correlation_id":"op","payload":{"clazz":"x.Y"}}',
        "REQUEST_INVALID",
        "op",
    ),
    (
        b'{"clazz":"a.command.CommandMessage","correlation_id":"op",'
        b'"payload":{"clazz":"x.Y","switch_id":"nine"}}',
        "DATA_INVALID",
        "op",
    ),
    (
        b'{"clazz":"a.command.CommandMessage","correlation_id":"op",'
        b'"payload":{"clazz":"x.Y","switch_id":9}}',
        "DATA_INVALID",
        "op",
    ),
]


@pytest.mark.parametrize(("data", "kind", "cid"), BROKEN)
@pytest.mark.parametrize("partition", [0, 2])
def test_broken_commands(
    world: World, data: bytes, kind: str, cid: str | None, partition: int
) -> None:
    """Answered, by the requester's own id where it can be found, and kept with the reason."""
    asked = world.ask_raw(data, cid, TOPICS["flow"], partition=partition)
    record = last(world, TOPICS["flow"])
    assert error_of(record)[:2] == (cid or asked.origin.number, kind)
    [dead] = world.dead()
    assert dead.value == data
    assert dead.header["flrouter-reason"].startswith(kind)
    assert dead.header["flrouter-topic"] == "kilda.speaker"
    assert dead.header["flrouter-partition"] == str(asked.origin.partition)
    assert dead.header["flrouter-offset"] == str(asked.origin.offset)


def test_a_broken_command_that_names_a_topic_for_its_answer(world: World) -> None:
    """The error goes there when it may, else where answers of its kind go."""
    for reply_to, topic in ((REPLIES, REPLIES), ("no.such.topic", TOPICS["flow"])):
        for data in (
            b'{"clazz":"a.command.CommandMessage","reply_to":"%s","payload":{"clazz":"x.Y"}}',
            b'{"clazz":"a.command.CommandMessage","reply_to":"%s","payload":{"clazz":"x.Y"',
        ):
            world.ask_raw(data % reply_to.encode(), None, topic)
            assert error_of(last(world, topic))[1] == "REQUEST_INVALID"


def test_a_command_over_the_size_limit(world: World) -> None:
    """Answered; the dead letter holds its head and says how large it was."""
    world.ask(SWITCH, x="x" * 30_000)
    assert error_of(last(world, TOPICS["flow"]))[1] == "REQUEST_INVALID"
    [dead] = world.dead()
    assert len(dead.value) == 1_000
    assert int(dead.header["flrouter-size"]) > 30_000


@pytest.mark.parametrize(
    "topic",
    [
        "no.such.topic",
        "kilda.speaker",
        "flrouter-shards",
        DEAD,
        "kilda.fl.fl-1.read",
        "kilda.fl.fl-2.write",
    ],
)
@pytest.mark.parametrize("partition", [0, 1, 2])
def test_topics_that_take_no_answers(world: World, topic: str, partition: int) -> None:
    """PARAMETERS_INVALID to the topic of the command's kind, and the FL hears nothing of it."""
    kind = f"{O}.switches.DumpRulesRequest"
    world.ask(SWITCH, clazz=kind, reply_to=topic, partition=partition)
    assert error_of(last(world, TOPICS["northbound"]))[:2] == ("op", "PARAMETERS_INVALID")
    assert not world.floodlights["fl-1"].handlings
    assert not world.dead()


def test_the_topic_of_a_floodlight_that_nobody_knows_yet() -> None:
    """A command that comes before the FL is known must not have its answer go there."""
    world = World()
    world.ask(SWITCH, reply_to="kilda.fl.fl-1.read")
    world.run()
    assert error_of(world.seen(TOPICS["flow"])[0])[:2] == ("op", "PARAMETERS_INVALID")
    assert not world.logs["kilda.fl.fl-1.read", world.home(SWITCH)]


@pytest.mark.parametrize("clazz", [names.INFO, names.ERROR, names.CHUNK, "x.Y", ""])
def test_what_is_no_command_is_kept_and_not_answered(world: World, clazz: str) -> None:
    """Answering an answer could go in circles."""
    data = b'{"clazz":"%s","payload":{"clazz":"x.Y","switch_id":"9"}}' % clazz.encode()
    before = len(world.out)
    world.write("kilda.speaker", None, data, 0, [("mine", b"1"), ("flrouter-what", b"peer")])
    world.run()
    [dead] = world.out[before:]
    assert dead.topic == DEAD
    assert dead.value == data
    assert dead.header["flrouter-reason"].startswith("no command")
    assert dead.header["mine"] == "1"
    assert "flrouter-what" not in dead.header


# -- redelivery ---------------------------------------------------------------------------------


def test_a_redelivered_command_is_the_same_request(world: World) -> None:
    """Pending or blacklisted, it is not sent again; a new command with the same id is."""
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    world.ask(SWITCH, "op")
    world.run()
    log = world.logs["kilda.speaker", world.home(SWITCH)]
    log.read -= 1
    world.run()
    assert len(floodlight.handlings) == 1
    world.pass_time(3_500)
    assert error_of(last(world, TOPICS["flow"]))[1] == "OPERATION_TIMED_OUT"
    log.read -= 1
    world.run()
    assert len(floodlight.handlings) == 1
    floodlight.usual = Doing()
    world.ask(SWITCH, "op")
    assert last(world, TOPICS["flow"]).json["payload"]["by"] == "fl-1"
    assert world.counts["redelivered_commands", ""] == 2


def test_an_answer_between_a_takeover_and_the_redelivered_command(world: World) -> None:
    """What was pending when the shard was taken over is not asked again once it is answered."""
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = Doing(answer_after=500)
    world.ask(SWITCH, "op")
    world.run()
    world.restart(world.home(SWITCH))
    world.pass_time(600)
    assert last(world, TOPICS["flow"]).json["payload"]["by"] == "fl-1"
    world.logs["kilda.speaker", world.home(SWITCH)].read -= 1
    world.run()
    assert len(floodlight.handlings) == 1
    assert world.counts["redelivered_commands", ""] == 1


# -- cold start ---------------------------------------------------------------------------------


def test_commands_wait_for_the_first_sync(world: World) -> None:
    """A router that has just started does not say that nobody holds a switch."""
    world = World("fl-1", "fl-2")
    world.floodlights["fl-2"].switches[SWITCH] = "ACTIVATED"
    for shard in range(3):
        world.step(shard)
    world.ask(SWITCH, "first")
    world.ask(SWITCH, "second")
    for shard in range(3):
        world.step(shard)
        world.restart(shard)
    world.run()
    said = [record.json for record in world.seen(TOPICS["flow"])]
    assert [each["correlation_id"] for each in said] == ["first", "second"]
    assert {each["payload"]["by"] for each in said} == {"fl-2"}


def test_a_command_waits_for_a_master_when_only_a_reader_is_known_yet() -> None:
    """That one FL has the switch as RO says nothing about the others."""
    world = World("fl-1", "fl-2")
    reader, master = world.floodlights.values()
    master.switches[SWITCH] = "ACTIVATED"
    for shard in range(3):
        world.step(shard)
    reader.connect(SWITCH, "ADDED")
    for shard in range(3):
        world.step(shard)
    world.ask(SWITCH)
    assert last(world, TOPICS["flow"]).json["payload"]["by"] == "fl-2"


@pytest.mark.parametrize("how", ["complete", "silent", "dead", "removed", "none"])
def test_the_wait_ends(how: str) -> None:
    """When all have said what they hold, or cannot, or after SYNC_TIMEOUT."""
    world = World("fl-1") if how != "none" else World()
    floodlight = world.add("fl-1") if how != "none" else None
    if floodlight is not None:
        floodlight.sync = how if how == "silent" else "full"
        floodlight.alive = how == "complete"
    for shard in range(3):
        world.step(shard)
    world.ask(SWITCH)
    world.step(world.home(SWITCH))
    assert not world.seen(TOPICS["flow"])
    if how == "removed":
        world.remove("fl-1")
    world.run()
    if how in ("silent", "dead", "none"):
        assert not world.seen(TOPICS["flow"])
        world.pass_time(2_500)
    assert error_of(last(world, TOPICS["flow"]))[:2] == ("op", "NOT_FOUND")
    assert len(world.seen(TOPICS["flow"])) == 1


# -- commands to every FL -----------------------------------------------------------------------

PORTS = f"{O}.switches.PortsCommandData"


def test_a_copy_for_each_floodlight(world: World) -> None:
    """PortsCommandData: answers pass through one by one, and the ack is enough."""
    first, second = world.floodlights.values()
    first.usual, second.usual = Doing(), ONLY_ACK
    world.ask(None, clazz=PORTS)
    assert last(world, TOPICS["stats"]).json["payload"]["by"] == "fl-1"
    assert [len(each.handlings) for each in (first, second)] == [1, 1]
    world.pass_time(12_000)
    assert len(world.seen(TOPICS["stats"])) == 1
    assert not any(world.left().values())


def test_a_copy_that_is_not_acknowledged(world: World) -> None:
    """That FL's part of the answer is an error."""
    world.floodlights["fl-2"].usual = Doing(ack=False, answer="nothing")
    world.ask(None, clazz=PORTS)
    world.run()
    world.pass_time(2_000)
    kinds = [record.json["clazz"] for record in world.seen(TOPICS["stats"])]
    assert sorted(kinds) == sorted([names.ERROR, names.INFO])


def test_a_redelivered_command_to_every_floodlight(world: World) -> None:
    """As with one switch."""
    for floodlight in world.floodlights.values():
        floodlight.usual = ONLY_ACK
    asked = world.ask(None, clazz=PORTS)
    world.run()
    log = world.logs["kilda.speaker", asked.origin.partition]
    log.read -= 1
    world.run()
    assert [len(each.handlings) for each in world.floodlights.values()] == [1, 1]


@pytest.mark.parametrize("clazz", [PORTS, names.SYNC_REQUEST])
def test_no_floodlight_answers(clazz: str) -> None:
    """No FL at all, or all of them in outage."""
    topic = TOPICS["stats" if clazz == PORTS else "disco"]
    world = World()
    world.ask(None, clazz=clazz)
    assert error_of(last(world, topic))[:2] == ("op", "NOT_FOUND")
    world = World("fl-1")
    world.floodlights["fl-1"].die()
    world.pass_time(6_000)
    world.ask(None, clazz=clazz)
    assert error_of(last(world, topic))[:2] == ("op", "NOT_FOUND")
