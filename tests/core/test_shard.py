"""The shard as a whole: batches, what it keeps, and what no bug may do."""

from __future__ import annotations

import inspect
from collections import ChainMap
from typing import Any, get_args

import msgspec
import pytest

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers, records
from flrouter.core.values.inputs import Command, Garbled, Report, Told
from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK, Doing
from .world import DEAD, FLOW, SHARDS, TOPICS, World, catalog, rules

SWITCH = "00:00:00:00:00:00:00:09"
HERE = Origin("kilda.speaker", 0, 1)


def test_a_record_that_no_shard_wrote() -> None:
    """On the shards' own topic it is a dead letter."""
    world = World("fl-1")
    world.write(SHARDS, None, b"rubbish", 1)
    world.run()
    [dead] = world.dead()
    assert dead.value == b"rubbish"
    assert dead.header["flrouter-topic"] == SHARDS


@pytest.mark.parametrize("what", ["command", "report", "garbled", "told"])
def test_a_bug_loses_no_record_and_stops_no_shard(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The requester is told, the record is kept, and the next input is taken."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    data = build.message(names.COMMAND, {"clazz": FLOW, "switch_id": "9"}, "op", 0)
    monkeypatch.setattr("flrouter.core.commands.Commands.take", broken)
    monkeypatch.setattr("flrouter.core.reports.Reports.take", broken)
    monkeypatch.setattr("flrouter.core.floodlights.floodlights.Floodlights.heard", broken)
    shard = Shard(0, rules(1), catalog())
    if what == "garbled":
        kind = Garbled(HERE, data, "why")
        original = shard.context.dead_letter
        calls = iter([broken, original])
        monkeypatch.setattr(shard.context, "dead_letter", lambda *a: next(calls)(*a))  # noqa: PLW0108 - the next one for each call
        item: Any = kind
    else:
        item = {
            "command": Command(HERE, data, decode(data)),
            "report": Report("fl-1", HERE, data, decode(data)),
            "told": Told(peers.FloodlightState("fl-1", 1, True, True, True)),
        }[what]
    effects = shard.decide([item], 1_000)
    topics = [send.topic for send in effects.sends]
    expected = {"command": [TOPICS["flow"], DEAD], "told": []}.get(what, [DEAD])
    assert topics == expected
    assert effects.counts["bugs", ""] == 1
    assert "ZeroDivisionError" in effects.notes[0]


def test_the_same_state_after_a_restart() -> None:
    """Each shard is what its changelogs make of it, in the middle of everything."""
    world = World("fl-1", "fl-2")
    first, second = world.floodlights.values()
    first.switches[SWITCH] = "ACTIVATED"
    first.usual = Doing(answer="old half")
    world.run()
    second.usual = ONLY_ACK
    second.connect("00:00:00:00:00:00:00:0a")
    world.run()
    world.ask(SWITCH, "chain")
    world.ask("0a", "acked")
    world.run()
    assert not world.unkept()

    def state() -> bytes:
        tables = [
            {name: dict(getattr(shard.context, name)) for name in TABLES} for shard in world.shards
        ]
        return msgspec.msgpack.encode(tables, order="deterministic")

    before = state()
    for shard in range(3):
        world.restart(shard)
    assert state() == before
    assert world.left()["pending"] == 2
    world.pass_time(3_500)
    errors = [record.json for record in world.seen(TOPICS["flow"])][1:]
    kinds = {each["payload"].get("error-type") for each in errors}
    assert "OPERATION_TIMED_OUT" in kinds
    world.pass_time(15_000)
    assert not any(world.left().values())


def test_an_answer_that_lay_there_while_the_router_was_down() -> None:
    """It is no timeout: a deadline waits until what lies there was read."""
    world = World("fl-1")
    floodlight = world.floodlights["fl-1"]
    floodlight.switches[SWITCH] = "ACTIVATED"
    world.run()
    floodlight.usual = Doing(ack=False)
    world.ask(SWITCH)
    for _ in range(2):
        for shard in range(3):
            world.step(shard)
    floodlight.work()
    world.advance(60_000, tick=False)
    for shard in range(3):
        world.restart(shard)
    for _ in range(3):
        world.advance(1_000)
    assert not world.seen(TOPICS["flow"])
    world.run()
    [answer] = world.seen(TOPICS["flow"])
    assert answer.json["payload"]["by"] == "fl-1"


def test_an_entry_that_an_older_version_wrote() -> None:
    """Changelogs outlive versions: fields that came later have defaults."""
    old: dict[type, list[Any]] = {
        records.Pending: ["fl", "op", "topic", "", "origin/0/1", 5, 1],
        records.Barred: [5, "fl", "op"],
        records.Switch: [],
        records.Floodlight: [],
        records.OldLink: [5],
        records.Holder: [2],
    }
    for kind, value in old.items():
        data = msgspec.msgpack.encode(value)
        assert isinstance(msgspec.msgpack.decode(data, type=kind), kind)


@pytest.mark.parametrize("kind", get_args(peers.Peer))
def test_what_shards_say_is_read_as_it_was_written(kind: Any) -> None:
    """Every note, and a shard has an ear for each."""
    values = {
        "str": "text",
        "Name": "text",
        "bool": True,
        "list[str]": ["a", "b"],
        "list[bytes]": [b"a", b"b"],
        "Count": 3,
        "Partition": 3,
        "Place": "topic/1/2",
        "Region": "eu-1",
        "Region | None": "eu-1",
        "Count | None": 3,
        "Mode | None": records.Mode.RO,
        "bytes": b"bytes",
        "Headers": [("name", b"value"), ("null", None)],
        "list[Count]": [1, 2],
        "list[tuple[Count, str, bytes]]": [(1, "text", b"bytes")],
        "list[tuple[Count, Count, Part]]": [(1, 2, records.Part(True, 0, b"bytes"))],
    }
    types = ChainMap(*map(inspect.get_annotations, kind.__mro__))
    note = kind(*(values[types[field]] for field in kind.__struct_fields__))
    assert peers.decode(peers.encode(note)) == note
    world = World("text")
    world.run()
    world.tell(0, note)
    world.step(0)
