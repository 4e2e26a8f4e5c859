"""How large what comes may be, and what becomes of it: more is refused before anything is built."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter.core import reports
from flrouter.core.state import rules
from flrouter.core.switches import holders
from flrouter.core.values.effects import size_of
from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK
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
        "draft": "",
    }
    assert DEAD not in {send.topic for send in [passed]}


# -- what is kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("i" * 4_096, True),
        ("i" * 4_097, False),
        ("\u20ac" * 1_365, True),
        ("\u20ac" * 1_366, False),
    ],
)
def test_correlation_ids(name: str, *, taken: bool) -> None:
    """Of 4,096 bytes at most; a longer one is refused, and its requester told under it."""
    world = World("fl-1")
    world.floodlights["fl-1"].switches = dict.fromkeys([SWITCH], "ACTIVATED")
    world.run()
    world.ask(SWITCH, name)
    world.run()
    [answer] = world.seen(TOPICS["flow"])
    assert answer.json["correlation_id"] == name
    if not taken:
        assert error_of(answer) == "REQUEST_INVALID"
        assert "at most 4096 are taken" in answer.json["payload"]["error-description"]
        assert len(answer.key or b"") <= 4_096
        assert len(world.dead()) == 1


def test_large_commands_count_as_several() -> None:
    """While none is answered a shard is full by their bytes, and then refuses what others send."""
    world = World("fl-1", max_message_bytes=100_000, max_pending=100)
    world.floodlights["fl-1"].sync = "silent"  # so that commands wait
    world.run()
    home = world.home(SWITCH)
    assert world.shards[home].load() == 0
    for number in range(5):
        world.ask(SWITCH, f"large-{number}", text="x" * 50_000)
    world.run()
    assert 2.0 < world.shards[home].load() < 2.1
    assert [error_of(each) for each in world.seen(TOPICS["flow"])] == ["INTERNAL_ERROR"]
    world.restart(home)
    assert 2.0 < world.shards[home].load() < 2.1
    world.floodlights["fl-1"].sync = "full"
    world.pass_time(30_000)
    assert world.shards[home].load() == 0


def test_results_that_are_too_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that there is no room for are errors in the answer."""
    monkeypatch.setattr(rules, "MAX_GROWTH", 1)
    ids = [f"00:00:00:00:00:00:00:{at:02x}" for at in range(1, 6)]
    world = World("fl-1", max_message_bytes=3_000)
    floodlight = world.floodlights["fl-1"]
    floodlight.switches = dict.fromkeys(ids, "ACTIVATED")
    world.run()
    floodlight.usual = ONLY_ACK
    payload = {"clazz": MANY, "switch_ids": ids, "command": {"clazz": DUMP}}
    data = build.message(names.COMMAND, payload, "op", 0)
    world.ask_raw(data, "op", TOPICS["northbound"])
    world.run()
    for handling in floodlight.handlings:
        switch = ids[int(handling.number.rpartition(".")[2])]
        cid = world.shards[0].context.suffixes.add("op", world.home(switch), handling.number)
        done = build.message(names.INFO, {"clazz": "x.Done", "text": "x" * 900}, cid, world.now)
        floodlight.write(done, switch)
    world.run()
    pages = [each.json["payload"] for each in world.seen(TOPICS["northbound"])]
    results = [entry for page in pages for entry in page["results"]]
    assert [each["status"] for each in results].count("ok") == 3
    told = {each["payload"]["error-message"] for each in results if each["status"] == "error"}
    assert told == {"the answers are too large together"}
    assert world.shards[world.home("op")].load() > 0
    world.pass_time(10_000)
    assert [shard.load() for shard in world.shards] == [0, 0, 0]


def test_links_that_nobody_asked_for() -> None:
    """An FL that makes ids up fills no worker's memory with its links."""
    world = World("fl-1", partitions=1, max_message_bytes=1_000)
    world.run()
    floodlight = world.floodlights["fl-1"]
    for number in range(100):
        link = build.message(
            names.CHUNK, {"x": "y" * 500}, f"link-{number}", 0, next_request_id="a"
        )
        floodlight.write(link, None)
        world.run()
    kept = world.shards[0].context.links
    size = sum(len(data) for link in kept.values() for _, data, _ in link.orphans)
    assert 5_000 < size < 16_000
    assert world.counts["stray", "fl-1"] > 80
    world.pass_time(40_000)
    assert not kept
    floodlight.write(build.message(names.CHUNK, {}, "link", 0, next_request_id="a"), None)
    world.run()
    assert len(kept) == 1, "there is room again"


def test_links_far_ahead_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that is written backwards is followed; not one that never gets to its beginning."""
    monkeypatch.setattr(reports, "MAX_AHEAD", 30)
    world = World("fl-1", partitions=1)
    floodlight = world.floodlights["fl-1"]
    floodlight.switches = dict.fromkeys([SWITCH], "ACTIVATED")
    world.run()
    floodlight.usual = ONLY_ACK
    for total, whole in ((31, True), (32, False)):
        world.ask(SWITCH, f"op-{total}")
        world.run()
        number = floodlight.handlings[-1].number
        cid = world.shards[0].context.suffixes.add(f"op-{total}", 0, number)
        for index in reversed(range(total)):
            floodlight.write(build.chunk({"clazz": "x.Y"}, cid, index, total, 0), SWITCH)
            floodlight.write(build.chunk({"clazz": "x.Y"}, cid, index, total, 0), SWITCH)
        world.run()
        assert bool(world.left()["pending"]) != whole
    # The second copy of the link that was one too many is one too many again.
    assert len(world.dead()) == 2
    assert len(world.seen(TOPICS["flow"])) == 31 + 31


def test_switches_that_are_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their events reach listeners; beyond a number nothing is kept of them."""
    monkeypatch.setattr(holders, "MAX_SWITCHES", 3)
    world = World("fl-1", partitions=1)
    world.run()
    floodlight = world.floodlights["fl-1"]
    for number in range(1, 7):
        floodlight.connect(f"00:00:00:00:00:00:00:{number:02x}")
    floodlight.disconnect("00:00:00:00:00:00:00:06")
    world.run()
    assert len(world.shards[0].context.switches) == 3
    assert world.events("00:00:00:00:00:00:00:06") == ["ACTIVATED", "DEACTIVATED"]
    assert world.counts["switches_refused", "fl-1"] == 4
    assert sum("does it make them up?" in note for _, note in world.notes) == 1
    world.ask("6", "op")
    world.ask("1", "op-1")
    world.run()
    assert [each.json["correlation_id"] for each in world.seen(TOPICS["flow"])] == ["op", "op-1"]
    assert error_of(world.seen(TOPICS["flow"])[0]) == "NOT_FOUND"
