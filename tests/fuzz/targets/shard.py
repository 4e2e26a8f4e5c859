"""The whole router: a script of hostile records, and the promises that hold whatever they say."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import NamedTuple

import msgspec

from flrouter.agents import shards
from flrouter.core.values import peers
from flrouter.core.values.effects import Send
from flrouter.core.values.inputs import Command, Told
from flrouter.messages import names
from flrouter.messages.envelope import Form, form_of
from flrouter.messages.forms import build
from flrouter.messages.kinds.catalog import Scope
from flrouter.runtime.durability.formats import NewerFormat
from tests.core.world import DEAD, FLOW, INBOUND, SHARDS, TOPICS
from tests.fuzz import script
from tests.fuzz.field import (
    CATALOG,
    FLS,
    FOREIGN,
    PARTITIONS,
    RULES,
    SWITCHES,
    Field,
    at,
    shown,
)

#: what is replaced in values by the id under which fl-1 and fl-2 were asked last.
ASKED = {b"$1": FLS[0], b"$2": FLS[1]}
#: a switch that the script does not know, for the command after it.
LAST_SWITCH = "00:00:00:00:00:00:4a:57"
#: a `FloodlightState` from far in the future keeps all later ones out; a shard that sends one lies.
SOON = 10_000_000


class _Seen(NamedTuple):
    """What a script did."""

    commands: list[Command]
    #: where a command was read → how often it was delivered.
    times: Counter[str]
    #: a shard told what only a broken one says, so that FLs cannot be known again.
    lied: bool


def shard(data: bytes) -> None:
    """Nothing is raised, no bug is counted, every command gets its answer or is kept, the tables
    survive a takeover, and a good command still works.
    """
    field = Field()
    prelude(field)
    seen = play(field, script.read(data))
    for _ in range(8):  # until every deadline is over
        field.wait(4_000)
    for command in seen.commands:
        _is_answered(field, command, seen.times[str(command.origin)])
    for number in range(PARTITIONS):
        field.take_over(number)
        msgspec.json.encode(shown(field.shards[number]))
    if not seen.lied:
        _good_command_works(field)


def prelude(field: Field) -> None:
    """fl-1 has listed two switches, and fl-2 none so far, so commands for others wait."""
    for floodlight in FLS:
        home = field.shards[0].context.home(floodlight)
        field.give(home, [Told(peers.AddFloodlight(floodlight))])
    for index, switch in enumerate(SWITCHES):
        record = {"datapath": switch, "ports": []}
        payload = {"clazz": names.DUMP_SWITCH, "switch_record": record}
        link = build.chunk(payload, field.asked[FLS[0]], index, len(SWITCHES), field.now)
        field.say(FLS[0], link)


def play(field: Field, parts: list[script.Part]) -> _Seen:
    """Do what a script says."""
    commands: list[Command] = []
    times: Counter[str] = Counter()
    lied = False
    for written in parts:
        part = written
        for token, floodlight in ASKED.items():
            if part.value and token in part.value and len(part.value) < 10_000:
                asked = field.asked.get(floodlight, "").encode()
                part = part._replace(value=part.value.replace(token, asked))
        at = part.number(1, PARTITIONS)
        match part.verb:
            case "c" | "i":
                topic = INBOUND if part.verb == "c" else FOREIGN
                commands.append(field.command(part.record(topic, at, field.place(), field.now)))
                times[str(commands[-1].origin)] += 1
            case "d" if commands and commands[-1].origin.topic == INBOUND:
                # A worker was killed before it acknowledged the record.
                times[str(commands[-1].origin)] += 1
                field.give(commands[-1].origin.partition, commands[-1:])
            case "r":
                floodlight = FLS[part.number(2, 2)]
                topic = RULES.write_topics(floodlight)[0]
                field.report(floodlight, part.record(topic, at, field.place(), field.now))
            case "s":
                record = part.record(SHARDS, at, field.place(), field.now)
                with suppress(NewerFormat):  # of a later release, for whose workers it is left
                    lied = lied or _lies(record, field.now)
                    field.heard(record)
            case "w":
                field.wait(part.number(1, 10_000))
            case "k":
                field.take_over(at)
            case "a":
                field.alive()
    return _Seen(commands, times, lied)


def _lies(record: script.Record, now: int) -> bool:
    """Whether a note between shards claims what spoils the FLs for good, or drops them."""
    item = shards.read(at(record), record)
    if not isinstance(item, Told):
        return False
    return isinstance(item.peer, peers.FloodlightState) and item.peer.number > now + SOON


def _is_answered(field: Field, command: Command, times: int) -> None:
    """Unreadable: an error and a dead letter. No command: a dead letter. Else: one answer."""
    origin = str(command.origin)
    errors = [send for send in field.out if _header(send, "flrouter-request") == origin]
    letters = [
        send
        for send in field.out
        if send.topic == DEAD
        and _header(send, "flrouter-topic") == command.origin.topic
        and _header(send, "flrouter-offset") == str(command.origin.offset)
    ]
    answers = [send for send in field.out if send.answers and send.answers.origin == origin]
    told = f"{command}: errors {errors}, dead letters {letters}, answers {answers}"
    envelope = command.envelope
    if envelope is None:
        assert len(errors) == len(letters) == times, told
        assert not answers, told
    elif form_of(envelope.clazz) not in (Form.COMMAND, Form.COMMAND_WITH_REPLY):
        assert len(letters) == times, told
        assert not errors, told
        assert not answers, told
    elif (kind := CATALOG.command(envelope.kind)).gathered or kind.scope is Scope.SWITCH:
        assert errors or answers, told
        assert len(errors) <= times, told
        assert len(letters) <= times + len(answers), told
    if envelope is not None and errors:
        said = msgspec.json.decode(errors[0].value or b"")
        wanted = envelope.correlation_id or command.origin.number
        assert said["correlation_id"] == wanted, told


def _header(send: Send, name: str) -> str | None:
    value = dict(send.headers).get(name)
    return value.decode("utf-8", "replace") if value is not None else None


def _good_command_works(field: Field) -> None:
    """After all that: an FL is added, says that it has a switch, and a command for that is done."""
    for floodlight in FLS:
        home = field.shards[0].context.home(floodlight)
        field.give(home, [Told(peers.AddFloodlight(floodlight))])
    field.alive()
    event = build.switch_event(LAST_SWITCH, "ACTIVATED", "event", field.now)
    field.say(FLS[0], event)
    field.out.clear()
    asked = build.message(
        names.COMMAND, {"clazz": FLOW, "switch_id": LAST_SWITCH}, "the-last", field.now
    )
    home = field.shards[0].context.home(LAST_SWITCH)
    field.command(script.Record(INBOUND, home, field.place(), asked, (), field.now))
    context = field.shards[home].context
    active = context.switches[LAST_SWITCH].active
    sent = [send for send in field.out if send.topic == RULES.read_topic(active)]
    assert sent, (active, field.out)
    field.say(active, build.ack(field.asked[active], field.now), home)
    field.say(active, sent[-1].value or b"", home)
    assert Counter(send.topic for send in field.out)[TOPICS["flow"]] == 1, field.out
    assert field.out[-1].value == asked
