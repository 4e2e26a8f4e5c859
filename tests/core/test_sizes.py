"""How large what comes may be, and what becomes of it: more is refused before anything is built."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter.core import rules
from flrouter.core.effects import size_of
from flrouter.messages import build, names

from .gathered import DUMP, MANY
from .world import DEAD, FLOW, INBOUND, REPLIES, SHARDS, TOPICS, Record, World

SWITCH = "00:00:00:00:00:00:00:09"
#: of the router's own, on a record's way to its home.
ADDED = 10_000


def error_of(record: Record) -> str:
    """The type of an error."""
    return str(record.json["payload"]["error-type"])


def listing(count: int, *, inner: int = 0, outer: int = 0, form: str = "same") -> bytes:
    """A command for so many switches, with texts of so many bytes."""
    text = {"text": "x" * inner}
    ids = [f"{at:x}" for at in range(1, count + 1)]
    payload: dict[str, Any] = {"clazz": MANY, "switch_ids": ids, "command": {"clazz": DUMP, **text}}
    if form == "own":
        commands = [{"clazz": DUMP, "switch_id": each} for each in ids]
        payload = {"clazz": MANY, "commands": commands}
    if form == "each":
        payload = {"clazz": "x.CountOfMany", "switch_ids": ids, **text}
    return build.message(names.COMMAND, payload, "op", 0, reply_to=REPLIES, text="y" * outer)


EACH = b"""
[[command]]
kind = "x.CountOfMany"
scope = "switches"
each = "x.Count"
answer = "northbound"
"""


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (listing(100, inner=12_000), True),
        (listing(110, inner=12_000), False),
        (listing(100, outer=12_000), True),
        (listing(110, outer=12_000), False),
        (listing(100, outer=10_000, form="own"), True),
        (listing(100, inner=12_000, form="each"), True),
        (listing(110, inner=12_000, form="each"), False),
    ],
)
def test_a_list_times_what_goes_to_each(data: bytes, *, taken: bool) -> None:
    """At most 64 times the largest message; whoever asks for more is told, at `reply_to` too."""
    world = World("fl-1", extra=EACH, max_message_bytes=20_000)
    world.run()
    world.ask_raw(data, "op", REPLIES, partition=world.home("op"))
    sends = world.step(world.home("op")).sends
    limit = 64 * 20_000
    assert sum(len(send.value or b"") for send in sends) < limit * 1.1
    assert all(
        len(send.value or b"") + size_of(send.headers) <= 20_000 + ADDED for send in sends
    ), "each of them is a record that the broker takes"
    world.run()
    [answer] = world.seen(REPLIES)
    if taken:
        assert error_of(answer) == "NOT_FOUND", "nobody holds these switches"
        return
    assert error_of(answer) == "PARAMETERS_INVALID"
    assert f"at most {limit:,} are taken" in answer.json["payload"]["error-description"]
    assert [letter.value for letter in world.dead()] == [data]


@pytest.mark.parametrize("kind", ["GetSwitchesRequest", "PortsCommandData"])
def test_copies_for_every_floodlight(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count together too."""
    monkeypatch.setattr(rules, "MAX_GROWTH", 2)
    world = World("fl-1", "fl-2", "fl-3")
    world.run()
    world.ask(None, "small", clazz=f"x.{kind}", text="x" * 13_000)
    world.ask(None, "large", clazz=f"x.{kind}", text="x" * 14_000)
    world.run()
    errors = [each for each in world.out if each.json["clazz"] == names.ERROR]
    assert [(each.json["correlation_id"], error_of(each)) for each in errors] == [
        ("large", "PARAMETERS_INVALID")
    ]


@pytest.mark.parametrize("home", [True, False])
def test_record_headers_count(home: bool) -> None:
    """A record that is too large with its headers has an error, at home and elsewhere."""
    world = World("fl-1")
    world.run()
    data = build.message(names.COMMAND, {"clazz": FLOW, "switch_id": SWITCH}, "op", 0)
    partition = (world.home(SWITCH) + (not home)) % 3
    world.write(INBOUND, None, data, partition, (("big", b"x" * 30_000), ("null", None)))  # type: ignore[arg-type]
    world.run()
    [answer] = world.seen(TOPICS["flow"])
    assert error_of(answer) == "REQUEST_INVALID"
    assert "with its record headers; at most 20000" in answer.json["payload"]["error-description"]
    [letter] = world.dead()
    assert letter.value == data[:1_000]
    assert size_of(letter.headers) < 1_000
    assert letter.header["flrouter-size"] == str(len(data))


def test_a_command_that_the_broker_does_not_take_on_its_way_home() -> None:
    """What the router adds may be too much for it: then the requester is told."""
    world = World("fl-1")
    world.run()
    payload = {"clazz": FLOW, "switch_id": SWITCH}
    data = build.message(names.COMMAND, payload, "op", 0, reply_to=REPLIES)
    partition = (world.home(SWITCH) + 1) % 3
    world.ask_raw(data, "op", REPLIES, partition=partition)
    batch = [world._read(record) for record in world.logs[INBOUND, partition]]
    [passed] = world.shards[partition].decide(batch, world.now).sends
    assert (passed.topic, passed.partition) == (SHARDS, world.home(SWITCH))
    assert passed.answers is not None
    answers = msgspec.to_builtins(passed.answers)
    assert answers == {
        "correlation_id": "op",
        "origin": f"{INBOUND}/{partition}/0",
        "topic": REPLIES,
    }
    assert DEAD not in {send.topic for send in [passed]}
