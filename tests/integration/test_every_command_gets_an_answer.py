"""The table of answers (protocol.md, 4.2), against a real worker process.

Requester and FLs are strangers to flrouter (`tests.support.plain`). Each case runs twice: with FLs
that key what they write, and with FLs that write null keys to random partitions, while the
requester does the same on an inbound topic with another partition count.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Record, topics
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.plain import (
    CHUNK,
    COMMAND,
    DONE,
    DUMP,
    ERROR,
    INFO,
    INSTALL,
    Answer,
    Behaviour,
    Floodlight,
    O,
    Once,
    Sent,
    command,
    echo,
    error,
    error_type,
    info,
    made_for,
    members,
    new_chain,
    nothing,
    old_chain,
    raw,
    switch_id,
)

#: how the names of the topics of all deployments begin, and of the broker's own.
_ANOTHERS = re.compile(r"t[0-9a-f]{10}\b|__")

pytestmark = pytest.mark.broker

ACK_TIMEOUT = 1.0 * PATIENCE
RESPONSE_TIMEOUT = 2.0 * PATIENCE
LIMIT = 200_000
BAD = {"REQUEST_INVALID", "DATA_INVALID"}


@dataclass(frozen=True)
class Asked:
    """A command that a test sent."""

    id: str
    switch: str
    kind: str
    value: bytes
    sent: Sent


class World:
    """A worker, its FLs and a requester, shared by all cases of the module."""

    def __init__(self, deployment: Deployment, scattered: bool) -> None:
        self.deployment = deployment
        self.scattered = scattered
        self.once = Once()
        self.reply_topic = deployment.topic("reply")
        deployment.create_topics(self.reply_topic)
        self.fls: dict[str, Floodlight] = {}
        self._unused: dict[str, Iterator[str]] = {}
        for at, name in enumerate(deployment.floodlights):
            switches = [switch_id(0x100 * (at + 1) + number) for number in range(100)]
            self.fls[name] = deployment.floodlight(name, switches=switches, scattered=scattered)
            self._unused[name] = iter(switches)
        self.requester = deployment.requester(self.reply_topic, scattered=scattered)
        self.dead = deployment.tap(deployment.dead_letters)
        self.worker = deployment.start_worker()
        #: how many answers each correlation id may have had in the end.
        self.ledger: Counter[str] = Counter()
        self._warm_up()

    def topics(self) -> set[str]:
        """All that there are but those of other tests, which use the same broker now."""
        found = topics(self.deployment.bootstrap)
        return {
            name
            for name in found
            if name.startswith(self.deployment.name) or _ANOTHERS.match(name) is None
        }

    def _warm_up(self) -> None:
        """Wait until every shard knows its switches, and that others are on no FL."""
        homes: dict[int, str] = {}
        while len(homes) < self.deployment.partitions:
            switch = self.once.switch()
            homes.setdefault(self.deployment.home(switch), switch)
        for asked in [self.ask(switch) for switch in homes.values()]:
            self.requester.wait(asked.id, timeout=20)
        for fl in self.fls:
            self.requester.wait(self.ask(self.switch(fl)).id, timeout=20)

    def switch(self, fl: str = "fl-1") -> str:
        """A switch of this FL that no case used."""
        return next(self._unused[fl])

    def ask(
        self,
        switch: str,
        *,
        name: str | None = None,
        kind: str = INSTALL,
        answers: int = 1,
        shown: str | None = None,
        reply_to: str | None = None,
        **more: Any,
    ) -> Asked:
        """Send a command to a switch, written as `shown`; its payload's `serial` is its id."""
        name = name or self.once.id()
        payload = {"clazz": kind, "switch_id": shown or switch, "serial": name, **more}
        value = command(payload, name, reply_to)
        self.ledger[name] += answers
        return Asked(name, switch, kind, value, self.requester.send(value, switch))

    def settle(self, switch: str, fl: str = "fl-1", kind: str = INSTALL) -> None:
        """Return when all that the FL wrote so far for this switch has been handled.

        Commands to the same switch, one answered in each partition of the write topic, cannot
        overtake it: partitions and shards keep order.
        """
        before = self.fls[fl].script.get(switch)
        for partition in range(self.deployment.partitions):
            self.fls[fl].script[switch] = Behaviour(partition=partition)
            asked = self.ask(switch, kind=kind)
            assert error_type(self.requester.wait(asked.id)[0]) is None
        if before is not None:
            self.fls[fl].script[switch] = before

    def dead_letter(self, sent: Sent) -> Record:
        """The dead letter of the record that lies at `sent`."""
        return self.dead.wait_for(lambda record: origin(record) == sent.place)[0]


def origin(dead: Record) -> str:
    """Where a dead letter's record was read."""
    parts = (dead.headers[f"flrouter-{part}"].decode() for part in ("topic", "partition", "offset"))
    return "/".join(parts)


@pytest.fixture(scope="module", params=["keyed", "scattered"])
def world(request: pytest.FixtureRequest, broker_url: str, work_folder: Path) -> Iterator[World]:
    """Two FLs that ack and one that is set not to, with short timeouts."""
    scattered = request.param == "scattered"
    with Deployment(
        broker_url,
        work_folder,
        floodlights={"fl-1": {}, "fl-2": {}, "fl-no-ack": {"ack": "false"}},
        inbound_partitions=3 if scattered else None,
        ack_timeout=ACK_TIMEOUT,
        response_timeout=RESPONSE_TIMEOUT,
        alive_timeout=5 * PATIENCE,
        max_message_bytes=LIMIT,
    ) as deployment:
        yield World(deployment, scattered)


def restored(written: bytes, given: str, asked: str) -> dict[str, str]:
    """What a requester must get for a message of the FL: every value's text, but its own id."""
    found = members(written)
    for name in ("correlation_id", "message_id"):
        text = json.loads(found.get(name, "null"))
        if isinstance(text, str) and text.endswith(given):
            found[name] = json.dumps(text.removesuffix(given) + asked)
    return found


def shown(value: bytes | None) -> dict[str, str]:
    """A message's values as text; ids in one spelling, because the router writes them anew."""
    found = members(value or b"")
    for name in ("correlation_id", "message_id"):
        if name in found:
            found[name] = json.dumps(json.loads(found[name]))
    return found


def assert_passed_on(world: World, asked: Asked, fl: str, answers: list[Record]) -> None:
    """The answers are what the FL wrote, value for value, in its order unless scattered."""
    request = world.fls[fl].request(asked.id)
    wrote = [
        restored(message, request.correlation_id, asked.id)
        for message in world.fls[fl].written[request.correlation_id]
    ]
    got = [shown(answer.value) for answer in answers]
    if world.scattered:
        wrote.sort(key=lambda message: json.dumps(message, sort_keys=True))
        got.sort(key=lambda message: json.dumps(message, sort_keys=True))
    assert got == wrote


def refused(world: World, asked: Asked, timeout: float = 10.0) -> Record:
    """The router's error answer to a command, after the checks that all of them must pass."""
    answer = world.requester.wait_refusal(asked.sent, timeout)
    assert answer.message["clazz"] == ERROR
    assert answer.message["correlation_id"] == asked.id
    assert set(answer.message) <= {
        "clazz",
        "timestamp",
        "correlation_id",
        "destination",
        "payload",
    }, "OpenKilda's own classes must be able to parse it"
    assert set(answer.payload) <= {
        "clazz",
        "timestamp",
        "error-type",
        "error-message",
        "error-description",
    }
    assert answer.payload["clazz"] == f"{O}.error.ErrorData"
    assert answer.payload["error-message"]
    assert [record.offset for record in world.requester.answers_to(asked.id)].count(
        answer.offset
    ) == 1
    return answer


def after(asked: Asked, answer: Record) -> float:
    """Seconds from sending to the answer."""
    return answer.at - asked.sent.at


# the FL answers in time

ODD = (
    '{ "clazz" :"test.Odd",\t"big" : 123456789012345678901234567890123, "float":1e2,'
    '"Float": 1E+2 , "zero":-0.0,"long":0.10000000000000000000000000001, "tiny":1.5e-300,'
    r'"text":"\u00e9\u0000\ud83d\ude00 é 😀 \/ \" \\ \b\f\n\r\t \u002F",'
    '"list" : [ 1 ,2 ,\t3,[ ] , { } ],"none": null,"yes":true ,"":"", "nested":'
    '{"correlation_id":"<id>","message_id" : "0 : <id>", "clazz":"x","payload":{}},'
    r'"quoted":"\"correlation_id\": \"<id>\"", "id":"<id>" }'
)
ODD_MESSAGE = (
    f'\n{{ "payload" :{ODD} ,\n "unknown":  [ 1e2 ,"<id>" ],"correlation_id"\t:\r\n "<id>",'
    f'"region" : "1" , "timestamp":1.5360e12, "clazz"  :"{INFO}", "destination":null }} \n'
)
SHADOWED = (
    f'{{"clazz":"{INFO}","payload":{{"correlation_id":"other"}},"correlation\\u005fid":"<id>",'
    '"timestamp":1}'
)


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        pytest.param(DONE, 1, id="info"),
        pytest.param(echo, 1, id="the command itself"),
        pytest.param(error("ALREADY_EXISTS"), 1, id="the FL's own error"),
        pytest.param(info(ODD), 1, id="odd payload"),
        pytest.param(raw(ODD_MESSAGE), 1, id="odd message"),
        pytest.param(raw(SHADOWED), 1, id="escaped key"),
        pytest.param(info("null"), 1, id="no payload"),
        pytest.param(new_chain(1), 1, id="chain of one"),
        pytest.param(new_chain(3, payload=',"odd":' + ODD), 3, id="chain"),
        pytest.param(new_chain(4, order=(2, 0, 3, 1)), 4, id="chain out of order"),
        pytest.param(new_chain(0), 1, id="empty chain"),
        pytest.param(new_chain(25), 25, id="long chain"),
    ],
)
def test_an_answer_in_time_arrives_as_the_fl_wrote_it(
    world: World, answer: Answer, count: int
) -> None:
    """The requester gets every JSON value byte for byte, and its own correlation id."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(answer)
    asked = world.ask(switch, answers=count)
    answers = world.requester.wait(asked.id, count)
    assert_passed_on(world, asked, "fl-1", answers)
    assert {record.topic for record in answers} == {world.deployment.topic("flow")}
    assert len({record.partition for record in answers}) == 1
    assert all(made_for(record) is None for record in answers)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(old_chain(1), id="one link"),
        pytest.param(old_chain(3), id="three links"),
        pytest.param(old_chain(3, end='"  "'), id="ended by a blank id"),
        pytest.param(old_chain(20), id="twenty links"),
    ],
)
def test_an_old_chain_arrives_whole_and_can_be_followed(world: World, answer: Answer) -> None:
    """The first link has the requester's id, each other one that its forerunner names."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(answer)
    asked = world.ask(switch, kind=DUMP)
    links = world.requester.wait_old_chain(asked.id)
    request = world.fls["fl-1"].request(asked.id)
    wrote = world.fls["fl-1"].written[request.correlation_id]
    assert [shown(link.value) for link in links] == [
        restored(message, request.correlation_id, asked.id) for message in wrote
    ]
    assert {link.topic for link in links} == {world.deployment.topic("northbound")}
    assert len({(link.partition, link.key) for link in links}) == 1
    assert [link.offset for link in links] == sorted(link.offset for link in links)
    world.settle(switch, kind=DUMP)
    for link in links:
        assert len(world.requester.answers_to(link.message["correlation_id"])) == 1


def test_duplicate_links_are_ignored(world: World) -> None:
    """A chain whose links come twice, in any order, arrives once."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(new_chain(3, order=(0, 1, 0, 1, 2, 2, 0)))
    asked = world.ask(switch, answers=3)
    answers = world.requester.wait(asked.id, 3)
    assert Counter(record.message["message_id"] for record in answers) == Counter(
        f"{at} : {asked.id}" for at in range(3)
    )
    world.settle(switch)
    assert len(world.requester.answers_to(asked.id)) == 3


def test_a_duplicate_answer_is_dropped(world: World) -> None:
    """An FL that says the same twice is heard once."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(copies=3)
    asked = world.ask(switch)
    world.requester.wait(asked.id)
    world.settle(switch)
    assert len(world.requester.answers_to(asked.id)) == 1


def test_an_answer_counts_without_an_ack(world: World) -> None:
    """What the FL answers in time is the answer, though it never said that it got the command."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(ack=False)
    asked = world.ask(switch)
    assert_passed_on(world, asked, "fl-1", world.requester.wait(asked.id))


def test_links_may_take_longer_together_than_the_response_timeout(world: World) -> None:
    """The response timeout is for the next link, not for the whole chain."""
    switch = world.switch()
    gap = RESPONSE_TIMEOUT * 0.5
    world.fls["fl-1"].script[switch] = Behaviour(new_chain(4), gap=gap)
    asked = world.ask(switch, answers=4)
    answers = world.requester.wait(asked.id, 4)
    assert after(asked, answers[-1]) > RESPONSE_TIMEOUT
    assert_passed_on(world, asked, "fl-1", answers)


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (INSTALL, "flow"),
        (f"{O}.command.flow.RemoveFlow", "flow"),
        (f"{O}.command.flow.BatchInstallRequest", "flow"),
        ("com.example.SomethingElse", "flow"),
        (f"{O}.command.discovery.DiscoverIslCommandData", "disco"),
        (f"{O}.command.flow.PingRequest", "ping"),
        (DUMP, "northbound"),
        (f"{O}.command.switches.ValidateRulesRequest", "northbound"),
        (f"{O}.command.switches.PortConfigurationRequest", "northbound"),
        (f"{O}.command.flow.DeleteMeterRequest", "northbound"),
    ],
)
def test_an_answer_goes_to_the_topic_of_its_kind(world: World, kind: str, role: str) -> None:
    """Answers and errors alike are keyed by the switch and go to the topic for their kind."""
    switch, unknown = world.switch(), world.once.switch()
    asked = world.ask(switch, kind=kind)
    lost = world.ask(unknown, kind=kind)
    answer = world.requester.wait(asked.id)[0]
    assert (answer.topic, answer.key) == (world.deployment.topic(role), switch.encode())
    refusal = refused(world, lost)
    assert (refusal.topic, refusal.key) == (world.deployment.topic(role), unknown.encode())


@pytest.mark.parametrize(
    "written", ["{:#018x}", "{:x}", "{:016x}", "{:X}", "00:00:00:00:00:00:{0:04X}"]
)
def test_other_forms_of_a_switch_id_mean_the_same_switch(world: World, written: str) -> None:
    """A command may name its switch in any form; the FL gets the payload untouched."""
    switch = world.switch("fl-2")
    number = int(switch.replace(":", ""), 16)
    form = written.format(number)
    if ":" in form:
        form = f"00:00:00:00:00:00:{number >> 8:02X}:{number & 255:02X}"
    asked = world.ask(switch, shown=form)
    answer = world.requester.wait(asked.id)[0]
    assert answer.key == switch.encode()
    assert_passed_on(world, asked, "fl-2", [answer])
    got = members(world.fls["fl-2"].request(asked.id).record.value or b"")
    assert got["payload"] == members(asked.value)["payload"]


def test_unknown_fields_of_a_command_survive(world: World) -> None:
    """The FL gets every value of the command as the requester wrote it, save the id."""
    switch, name = world.switch(), world.once.id()
    payload = ODD.replace('"clazz" :', f'"serial":"{name}","switch_id": "{switch}","clazz":', 1)
    value = (
        f' {{"new" :[ 1e2, {{ }} ] ,"correlation_id" : "{name}", "payload" : {payload} ,'
        f'"timestamp" : 4.20e1 ,"clazz":"{COMMAND}"}}'
    ).encode()
    world.ledger[name] += 1
    world.requester.send(value, switch)
    world.requester.wait(name)
    got, sent = members(world.fls["fl-1"].request(name).record.value or b""), members(value)
    del got["correlation_id"], sent["correlation_id"]
    assert got == sent


# correlation ids


@pytest.mark.parametrize("written", [None, "null"])
def test_a_command_without_an_id_is_given_one(world: World, written: str | None) -> None:
    """Such a command is answered like any other, under an id of the router's making."""
    switch = world.switch()
    serial = world.once.id()
    world.fls["fl-1"].script[switch] = Behaviour(echo)
    value = command({"clazz": INSTALL, "switch_id": switch, "serial": serial}, None)
    if written is not None:
        value = value[:-1] + b', "correlation_id": ' + written.encode() + b"}"
    world.requester.send(value, switch)
    answer = world.requester.wait_where(lambda record: record.payload.get("serial") == serial)[0]
    name = answer.message["correlation_id"]
    assert isinstance(name, str)
    assert name
    assert members(answer.value or b"")["payload"] == members(value)["payload"]
    world.settle(switch)
    assert len(world.requester.answers_to(name)) == 1


def test_a_refused_command_without_an_id_is_given_one(world: World) -> None:
    """The router's own error has an id too."""
    switch = world.once.switch()
    sent = world.requester.send(command({"clazz": INSTALL, "switch_id": switch}, None), switch)
    answer = world.requester.wait_refusal(sent)
    assert error_type(answer) == "NOT_FOUND"
    assert answer.message["correlation_id"]


@pytest.mark.parametrize("same_switch", [False, True])
def test_commands_with_one_id_are_tracked_apart(world: World, same_switch: bool) -> None:
    """Each of several commands with one correlation id gets its own answer."""
    first = world.switch()
    second = first if same_switch else world.switch("fl-2")
    name = world.once.id()
    for fl, switch in (("fl-1", first), ("fl-2", second)):
        world.fls[fl].script[switch] = Behaviour(echo)
    world.ask(first, name=name, part=1)
    world.ask(second, name=name, part=2)
    answers = world.requester.wait(name, 2)
    assert {record.payload["part"] for record in answers} == {1, 2}
    fl = world.fls["fl-1" if same_switch else "fl-2"]
    given = world.fls["fl-1"].request(name), fl.request(name, 2 if same_switch else 1)
    assert given[0].correlation_id != given[1].correlation_id
    world.settle(first)
    assert len(world.requester.answers_to(name)) == 2


def test_one_of_two_commands_with_one_id_may_fail(world: World) -> None:
    """The error for one command leaves the other's answer alone."""
    known, unknown, name = world.switch(), world.once.switch(), world.once.id()
    world.fls["fl-1"].script[known] = Behaviour(after=0.3)
    world.ask(known, name=name)
    world.ask(unknown, name=name)
    answers = world.requester.wait(name, 2)
    assert sorted(map(str, map(error_type, answers))) == ["NOT_FOUND", "None"]


def test_an_id_may_be_used_again_after_an_answer(world: World) -> None:
    """A requester that sends a correlation id again starts a new request."""
    switch, name = world.switch(), world.once.id()
    world.fls["fl-1"].script[switch] = Behaviour(echo)
    for attempt in (1, 2):
        world.ask(switch, name=name, attempt=attempt)
        assert world.requester.wait(name, attempt)[-1].payload["attempt"] == attempt


def test_an_id_may_be_used_again_after_an_error(world: World) -> None:
    """The blacklist entry of the old request does not swallow the new one's answer."""
    switch, name = world.switch(), world.once.id()
    fl = world.fls["fl-1"]
    fl.script[switch] = Behaviour(nothing, ack=False)
    refused(world, world.ask(switch, name=name))
    fl.script[switch] = Behaviour(echo)
    world.ask(switch, name=name, attempt=2)
    answers = world.requester.wait(name, 2)
    assert error_type(answers[0]) == "NOT_FOUND"
    assert answers[1].payload["attempt"] == 2


@pytest.mark.parametrize(
    "name", ["with space", 'quote " and \\', "é😀", "a:1:2", "x" * 2000, "0", "a/b~c|d#e"]
)
def test_any_text_is_a_correlation_id(world: World, name: str) -> None:
    """Whatever stands in a requester's id comes back as it was, in a chain's message ids too."""
    switch = world.switch()
    name = f"{world.once.id()} {name}"

    def chain(request: Any) -> list[bytes]:
        return [
            json.dumps(
                {
                    "clazz": CHUNK,
                    "correlation_id": request.correlation_id,
                    "message_id": f"{at} : {request.correlation_id}",
                    "total_messages": 2,
                    "payload": {"clazz": "test.Part"},
                }
            ).encode()
            for at in range(2)
        ]

    world.fls["fl-1"].script[switch] = Behaviour(chain)
    world.ask(switch, name=name, answers=2)
    answers = world.requester.wait(name, 2)
    assert {a.message["message_id"] for a in answers} == {f"0 : {name}", f"1 : {name}"}


# no answer, or none in time


def test_a_command_for_a_switch_on_no_fl_is_refused_at_once(world: World) -> None:
    """NOT_FOUND comes without any timeout, and no FL sees the command."""
    asked = world.ask(world.once.switch())
    answer = refused(world, asked)
    assert error_type(answer) == "NOT_FOUND"
    assert after(asked, answer) < ACK_TIMEOUT
    assert not any(
        request.serial == asked.id for fl in world.fls.values() for request in fl.received
    )


def test_a_command_that_is_not_acked_is_refused_after_the_ack_timeout(world: World) -> None:
    """NOT_FOUND comes when the FL has not said that it got the command."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(nothing, ack=False)
    asked = world.ask(switch)
    answer = refused(world, asked)
    assert error_type(answer) == "NOT_FOUND"
    assert after(asked, answer) >= ACK_TIMEOUT


def test_an_acked_command_without_an_answer_times_out(world: World) -> None:
    """OPERATION_TIMED_OUT comes after the response timeout."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(nothing)
    asked = world.ask(switch)
    answer = refused(world, asked)
    assert error_type(answer) == "OPERATION_TIMED_OUT"
    assert after(asked, answer) >= RESPONSE_TIMEOUT


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(new_chain(3, order=(0, 2)), id="new form"),
        pytest.param(old_chain(3, sent=2), id="old form"),
    ],
)
def test_half_a_chain_times_out(world: World, half: Answer) -> None:
    """A chain without its end is followed by OPERATION_TIMED_OUT, the one final answer."""
    switch = world.switch()
    world.fls["fl-1"].script[switch] = Behaviour(half)
    asked = world.ask(switch, answers=-1)
    answer = refused(world, asked)
    assert error_type(answer) == "OPERATION_TIMED_OUT"
    assert after(asked, answer) >= RESPONSE_TIMEOUT
    world.settle(switch)
    finals = [r for r in world.requester.answers_to(asked.id) if r.message["clazz"] != CHUNK]
    assert [record.offset for record in finals] == [answer.offset]


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(DONE, id="message"),
        pytest.param(new_chain(3), id="new chain"),
        pytest.param(old_chain(3), id="old chain"),
    ],
)
def test_what_comes_after_an_error_is_dropped(world: World, late: Answer) -> None:
    """Once the router answered with an error, nothing that the FL still says gets through."""
    switch = world.switch()
    fl = world.fls["fl-1"]
    fl.script[switch] = Behaviour(late, hold=True)
    asked = world.ask(switch)
    answer = refused(world, asked)
    assert error_type(answer) == "OPERATION_TIMED_OUT"
    fl.release()
    world.settle(switch)
    assert [record.offset for record in world.requester.answers_to(asked.id)] == [answer.offset]
    wrote = fl.written[fl.request(asked.id).correlation_id]
    for message in map(json.loads, wrote):
        assert not world.requester.answers_to(message["correlation_id"])


def test_the_rest_of_a_chain_after_its_timeout_is_dropped(world: World) -> None:
    """A chain that is continued too late stays ended."""
    switch = world.switch()
    gap = RESPONSE_TIMEOUT * 1.5
    world.fls["fl-1"].script[switch] = Behaviour(new_chain(2), gap=gap)
    asked = world.ask(switch, answers=-1)
    refused(world, asked)
    given = world.fls["fl-1"].request(asked.id).correlation_id
    world.fls["fl-1"].until(lambda: len(world.fls["fl-1"].written[given]) == 2, 10, "the link")
    world.settle(switch)
    assert f"1 : {asked.id}" not in {
        record.message.get("message_id") for record in world.requester.answers_to(asked.id)
    }


# FLs that cannot ack


def test_an_fl_that_cannot_ack_has_the_whole_response_timeout(world: World) -> None:
    """Without acks, an answer after the ack timeout is in time."""
    switch = world.switch("fl-no-ack")
    late = ACK_TIMEOUT * 1.25
    world.fls["fl-no-ack"].script[switch] = Behaviour(ack=False, after=late)
    asked = world.ask(switch)
    answer = world.requester.wait(asked.id)[0]
    assert error_type(answer) is None
    assert after(asked, answer) > ACK_TIMEOUT


def test_an_fl_that_cannot_ack_and_says_nothing_times_out(world: World) -> None:
    """Without acks only the response timeout applies."""
    switch = world.switch("fl-no-ack")
    world.fls["fl-no-ack"].script[switch] = Behaviour(nothing, ack=False)
    asked = world.ask(switch)
    answer = refused(world, asked)
    assert error_type(answer) == "OPERATION_TIMED_OUT"
    assert after(asked, answer) >= RESPONSE_TIMEOUT


# only the FL that was asked


@pytest.mark.parametrize("forgery", [DONE, new_chain(2), error("NOT_FOUND")])
def test_only_the_fl_that_was_asked_may_answer(world: World, forgery: Answer) -> None:
    """Another FL's message with the right id is ignored; an FL is known by its write topic."""
    switch = world.switch()
    asked_fl, intruder = world.fls["fl-1"], world.fls["fl-2"]
    asked_fl.script[switch] = Behaviour(echo, hold=True)
    asked = world.ask(switch)
    request = asked_fl.request(asked.id)
    for partition in range(world.deployment.partitions):
        for message in forgery(request):
            intruder.write(message, None, partition)
    # A command that the intruder answers in the same partitions shows that those were read.
    other = world.switch("fl-2")
    world.settle(other, "fl-2")
    asked_fl.release()
    answers = world.requester.wait(asked.id)
    assert_passed_on(world, asked, "fl-1", answers)
    world.settle(switch)
    assert len(world.requester.answers_to(asked.id)) == 1


# reply_to


def test_reply_to_is_honoured(world: World) -> None:
    """Answers, whole chains, and the router's errors go where the command says."""
    switch, chained, unknown = world.switch(), world.switch(), world.once.switch()
    world.fls["fl-1"].script[chained] = Behaviour(new_chain(3))
    where = {"reply_to": world.reply_topic}
    plain = world.ask(switch, **where)
    chain = world.ask(chained, answers=3, kind=DUMP, **where)
    lost = world.ask(unknown, **where)
    found = [
        *world.requester.wait(plain.id),
        *world.requester.wait(chain.id, 3),
        refused(world, lost),
    ]
    assert {record.topic for record in found} == {world.reply_topic}


BAD_TARGETS: dict[str, Callable[[Deployment], str]] = {
    "no such topic": lambda deployment: f"{deployment.name}.nobody",
    "no topic name": lambda deployment: "no topic/name",
    "too long": lambda deployment: "x" * 300,
    "inbound": lambda deployment: deployment.inbound,
    "an FL's read topic": lambda deployment: deployment.read_topic("fl-2"),
    "an FL's write topic": lambda deployment: deployment.write_topic("fl-1"),
    "shards": lambda deployment: f"{deployment.name}-shards",
    "a changelog": lambda deployment: deployment.changelog("pending"),
    "dead letters": lambda deployment: deployment.dead_letters,
}


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_a_bad_reply_to_is_refused(world: World, target: str) -> None:
    """PARAMETERS_INVALID goes to the topic of the command's kind, and no topic comes to be."""
    where = BAD_TARGETS[target](world.deployment)
    before = world.topics()
    asked = world.ask(world.switch(), kind=DUMP, reply_to=where)
    answer = refused(world, asked)
    assert error_type(answer) == "PARAMETERS_INVALID"
    assert answer.topic == world.deployment.topic("northbound")
    assert world.topics() == before


# sizes


def test_an_answer_too_large_becomes_an_error(world: World) -> None:
    """INTERNAL_ERROR comes in its place, and its head is kept in the dead letters."""
    switch = world.switch()
    filler = "x" * (LIMIT + LIMIT // 2)
    world.fls["fl-1"].script[switch] = Behaviour(info(f'{{"clazz":"test.Big","is":"{filler}"}}'))
    asked = world.ask(switch)
    answer = refused(world, asked)
    assert error_type(answer) == "INTERNAL_ERROR"
    wrote = world.fls["fl-1"].written[world.fls["fl-1"].request(asked.id).correlation_id][0]
    head = wrote[:100]
    dead = world.dead.wait_for(lambda record: (record.value or b"").startswith(head))[0]
    assert wrote.startswith(dead.value or b"-")
    assert dead.headers["flrouter-topic"].decode() == world.deployment.write_topic("fl-1")
    assert dead.headers["flrouter-reason"]
    world.settle(switch)
    assert len(world.requester.answers_to(asked.id)) == 1


def test_a_large_answer_within_the_limit_arrives(world: World) -> None:
    """The limit is for what the broker cannot take, not for what is long."""
    switch = world.switch()
    filler = "x" * (LIMIT * 3 // 4)
    world.fls["fl-1"].script[switch] = Behaviour(info(f'{{"clazz":"test.Big","is":"{filler}"}}'))
    asked = world.ask(switch)
    assert_passed_on(world, asked, "fl-1", world.requester.wait(asked.id))


def test_a_command_over_the_size_limit_is_refused(world: World) -> None:
    """It gets its answer under its own id, and its record is kept."""
    asked = world.ask(world.switch(), filler="x" * (LIMIT + 1000))
    answer = refused(world, asked)
    assert error_type(answer) in BAD
    assert answer.topic == world.deployment.topic("flow")
    dead = world.dead_letter(asked.sent)
    assert asked.value.startswith(dead.value or b"-")
    assert dead.headers["flrouter-reason"]


# what cannot be read

UNREADABLE = {
    "no JSON": b"install the flow, please",
    "empty": b"",
    "cut": command({"clazz": INSTALL, "switch_id": switch_id(0x101)}, "cut-id")[:-9],
    "trailing text": command({"clazz": INSTALL, "switch_id": switch_id(0x101)}, "tail-id") + b"}",
    "no UTF-8": b'{"clazz":"' + COMMAND.encode() + b'","payload":{"switch_id":"\xff\xfe"}}',
    "UTF-16": '{"clazz":"x"}'.encode("utf-16"),
    "deep": b'{"clazz":' + b"[" * 50_000,
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_unparsable_command_is_refused_and_kept(world: World, what: str) -> None:
    """It gets an ErrorMessage, and its bytes go to the dead letters with the reason."""
    value = UNREADABLE[what]
    sent = world.requester.send(value)
    answer = world.requester.wait_refusal(sent)
    assert error_type(answer) in BAD
    assert answer.topic == world.deployment.topic("flow")
    dead = world.dead_letter(sent)
    assert dead.value == value
    assert dead.headers["flrouter-reason"]


def test_a_command_cut_short_is_refused_under_its_own_id(world: World) -> None:
    """Who sent half a command learns of it by the id that can still be read."""
    name = world.once.id()
    value = command({"clazz": INSTALL, "switch_id": world.switch()}, name) + b"..."
    answer = world.requester.wait_refusal(world.requester.send(value))
    assert answer.message["correlation_id"] == name


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="none"),
        pytest.param({"switch_id": None}, id="null"),
        pytest.param({"switch_id": ""}, id="empty"),
        pytest.param({"switch_id": 9}, id="number"),
        pytest.param({"switch_id": ["00:00:00:00:00:00:00:09"]}, id="list"),
        pytest.param({"switch_id": "the one upstairs"}, id="text"),
        pytest.param({"switch_id": "00:00:00:00:00:00:00:0g"}, id="no hex"),
        pytest.param({"switch_id": "00:00:00:00:00:00:00:00:09"}, id="nine bytes"),
        pytest.param({"switch_id": "0x00000000000000009"}, id="too long"),
    ],
)
def test_a_bad_switch_id_is_refused_and_kept(world: World, payload: dict[str, Any]) -> None:
    """A command that names no switch, or none that can be, gets an error and is dead-lettered."""
    name = world.once.id()
    value = command({"clazz": DUMP, **payload}, name)
    world.ledger[name] += 1
    asked = Asked(name, "", DUMP, value, world.requester.send(value))
    answer = refused(world, asked)
    assert error_type(answer) in BAD
    assert answer.topic == world.deployment.topic("northbound")
    dead = world.dead_letter(asked.sent)
    assert dead.value == value
    assert dead.headers["flrouter-reason"]


def test_a_command_without_a_payload_is_refused_and_kept(world: World) -> None:
    """No payload means no switch id."""
    name = world.once.id()
    value = json.dumps({"clazz": COMMAND, "correlation_id": name, "payload": None}).encode()
    world.ledger[name] += 1
    asked = Asked(name, "", "", value, world.requester.send(value))
    assert error_type(refused(world, asked)) in BAD
    assert world.dead_letter(asked.sent).value == value


@pytest.mark.parametrize("clazz", [INFO, ERROR, CHUNK, "com.example.Other", "", f"{COMMAND}s"])
def test_an_inbound_record_that_is_no_command_is_only_dead_lettered(
    world: World, clazz: str
) -> None:
    """It is kept with its reason, and nobody gets an answer."""
    name = world.once.id()
    switch = world.switch()
    payload = {"clazz": "test.Other", "switch_id": switch, "serial": name}
    value = json.dumps({"clazz": clazz, "correlation_id": name, "payload": payload}).encode()
    sent = world.requester.send(value, switch)
    dead = world.dead_letter(sent)
    assert dead.value == value
    assert dead.headers["flrouter-reason"]
    world.settle(switch)
    assert not world.requester.answers_to(name)
    assert not [one for one in world.requester.answers if made_for(one) == sent.place]


def test_an_inbound_record_without_a_value_stops_nothing(world: World) -> None:
    """A tombstone on the inbound topic goes to the dead letters."""
    where = world.requester._producer.send(world.requester.inbound, value=None, key=b"x").get(10)
    sent = Sent(where.topic, where.partition, where.offset, time.monotonic())
    assert not world.dead_letter(sent).value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b'{"clazz":"' + INFO.encode() + b'","payload":{"x":1}', id="cut"),
        pytest.param(b'{"clazz":"\xff"}', id="no UTF-8"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"", id="empty"),
        pytest.param(
            json.dumps({"clazz": CHUNK, "message_id": "x", "total_messages": 2}).encode(),
            id="bad link",
        ),
    ],
)
def test_a_bad_record_on_a_write_topic_is_dead_lettered(world: World, value: bytes) -> None:
    """It is kept with the place where it was read and the reason; the FL's next answer passes."""
    switch = world.switch()
    fl = world.fls["fl-1"]
    for partition in range(world.deployment.partitions):
        fl.write(value, None, partition)
    write_topic = world.deployment.write_topic("fl-1")
    found = world.dead.wait_for(
        lambda record: (
            record.value == value and record.headers["flrouter-topic"].decode() == write_topic
        ),
        world.deployment.partitions,
    )
    partitions = {record.headers["flrouter-partition"].decode() for record in found}
    assert partitions == {str(number) for number in range(world.deployment.partitions)}
    assert all(record.headers["flrouter-reason"] for record in found)
    assert error_type(world.requester.wait(world.ask(switch).id)[0]) is None


def test_nothing_was_answered_twice(world: World) -> None:
    """After all cases of the module: no command had more answers than it must have."""
    for fl in world.fls:
        world.settle(world.switch(fl), fl)
    world.deployment.assert_running()
    counts = {
        name: (len(world.requester.answers_to(name)), expected)
        for name, expected in world.ledger.items()
        if expected > 0
    }
    assert {name: pair for name, pair in counts.items() if pair[0] != pair[1]} == {}
    refusals = Counter(filter(None, map(made_for, world.requester.answers)))
    assert {place: times for place, times in refusals.items() if times > 1} == {}
    given = {
        request.correlation_id
        for fl in world.fls.values()
        for request in (*fl.received, *fl.sync_requests)
    }
    leaked = given & {str(r.message.get("correlation_id")) for r in world.requester.answers}
    assert not leaked - {
        request.correlation_id for fl in world.fls.values() for request in fl.sync_requests
    }
