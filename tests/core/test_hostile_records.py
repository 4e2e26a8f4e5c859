"""Records that no well-behaved client writes, most of them found by fuzzing (tests/fuzz)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter.core.requests import rejected
from flrouter.core.shard import Shard
from flrouter.core.values import peers, records
from flrouter.core.values.inputs import Told
from flrouter.messages import names
from flrouter.messages.envelope import Envelope, Unreadable
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK
from .world import FLOW, INBOUND, TOPICS, World, catalog, read_command, rules

SWITCH = "00:00:00:00:00:00:00:09"
OTHER = "00:00:00:00:00:00:00:0a"
DIGITS = "9" * 5_000


@pytest.fixture
def world() -> World:
    """One FL that acknowledges commands for its switch, and answers none."""
    world = World("fl-1")
    world.floodlights["fl-1"].switches[SWITCH] = "ACTIVATED"
    world.floodlights["fl-1"].usual = ONLY_ACK
    world.run()
    return world


def test_a_null_header_of_a_held_command_survives_a_takeover() -> None:
    """Kafka allows null values; such a row once kept its shard from being taken over for good."""
    world = World("fl-1")
    world.floodlights["fl-1"].sync = "silent"  # so that commands wait
    world.run()
    data = build.message(names.COMMAND, {"clazz": FLOW, "switch_id": "9"}, "op", 0)
    world.write(INBOUND, SWITCH.encode(), data, headers=(("trace", None),))  # type: ignore[arg-type]
    world.run()
    world.restart(world.home(SWITCH))
    [pending] = world.shards[world.home(SWITCH)].context.pending.values()
    assert [*map(tuple, pending.headers)] == [("trace", None)]


def test_a_chain_longer_than_can_be_kept_is_a_dead_letter(world: World) -> None:
    """MessagePack's numbers have 64 bits, those of JSON any: the changelog could not be written."""
    world.ask(SWITCH)
    world.run()
    [number] = world.shards[world.home(SWITCH)].context.pending
    cid = world.shards[0].context.suffixes.add("op", world.home(SWITCH), number)
    link = build.chunk({"clazz": "x.Rule"}, cid, 0, 2**64, world.now)
    world.write("kilda.fl.fl-1.write", SWITCH.encode(), link)
    world.run()
    [dead] = world.dead()
    assert "total_messages" in dead.header["flrouter-reason"]
    world.pass_time(10_000)
    assert len(world.seen(TOPICS["flow"])) == 1


@pytest.mark.parametrize("suffix", [f"{DIGITS}.x", f"0.sync.{DIGITS}.fl-1"])
def test_an_id_with_more_digits_than_a_number_may_have(world: World, suffix: str) -> None:
    """It is somebody's own id, or a request that nobody knows; never a bug of ours."""
    app = world.shards[0].context.suffixes.add("", 0, "").split(".")[0]
    event = build.message(names.INFO, {"clazz": "x.Event"}, f"op{app}.{suffix}", world.now)
    world.write("kilda.fl.fl-1.write", None, event, 0)
    world.run()
    assert not world.dead()


def test_a_held_command_that_can_be_read_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How deep a message may be nested depends on who reads it: its end must not be a switch
    event's, nor that of other commands which wait for the same switch.
    """
    world.add("fl-2").sync = "silent"  # so that commands wait
    world.run()
    asked = [world.ask(OTHER, f"op-{at}") for at in range(2)]
    world.run()
    read = rejected.decode

    def decode(data: bytes) -> Envelope:
        if data == asked[0].data:
            raise Unreadable("nested too deeply")
        return read(data)

    monkeypatch.setattr(rejected, "decode", decode)
    world.floodlights["fl-1"].connect(OTHER)
    world.run()
    assert world.events(OTHER) == ["ACTIVATED"]
    [answer] = world.seen(TOPICS["flow"])
    assert answer.json["correlation_id"] == "op-0"
    assert answer.json["payload"]["error-type"] == "REQUEST_INVALID"
    [waiting] = world.shards[world.home(OTHER)].context.pending.values()
    assert (waiting.correlation_id, waiting.floodlight) == ("op-1", "fl-1")


@pytest.mark.parametrize(
    "note",
    [
        ["NextLink", "link", "fl-9", "1.0.1", 0, 0],
        ["NextLink", "link", "fl-1", "1.0.1", 99, 0],
        ["LinkWanted", "link", "1.0.1", 99],
    ],
)
def test_notes_that_no_shard_would_write(world: World, note: list[Any]) -> None:
    """They are forgotten: an exception would stop the shard, and a partition that is not there
    would be tried forever.
    """
    shard = world.shards[0]
    told = Told(peers.decode(msgspec.msgpack.encode(note)))
    sends = shard.decide([told], world.now).sends
    sends += shard.decide([], world.now + 1_000_000).sends
    assert all((send.partition or 0) < world.rules.partitions for send in sends)
    assert not shard.context.links or note[2] == "fl-9"


@pytest.mark.parametrize(
    "note",
    [
        ["RemoveFloodlight", b"\xff"],
        ["RemoveFloodlight", ""],
        ["AddFloodlight", "no/topic", True],
        ["AddFloodlight", "fl-1\n", True],
        ["PreferFloodlight", "fl-1", "no region"],
        ["PreferFloodlight", "fl-1", "", -1],
        ["FloodlightState", "fl-1", 2**64 - 1, True, True, True],
        ["SyncStarted", "fl-1", -1],
        ["LinkWanted", "link", "1.0.1", -1],
    ],
)
def test_notes_that_cannot_be(note: list[Any]) -> None:
    """Their one error is the documented one, so that they become dead letters."""
    data = msgspec.msgpack.encode(note)
    with pytest.raises(msgspec.MsgspecError):
        peers.decode(data.replace(b"\xc4\x01\xff", b"\xa1\xff"))


def test_a_holder_whose_own_row_was_never_written() -> None:
    """A kill between two changelogs: the switch's row is there, that of its FL is not."""
    shard = Shard(0, rules(1), catalog())
    holders = {"fl-1": records.Holder(records.Mode.RW), "fl-2": records.Holder(records.Mode.RO)}
    shard.context.switches[SWITCH] = records.Switch(holders, "fl-1")
    shard.restored(1_000)
    command = build.message(names.COMMAND, {"clazz": FLOW, "switch_id": SWITCH}, "op", 0)
    record = World(partitions=1).write(INBOUND, None, command)
    effects = shard.decide([read_command(record)], 2_000)
    assert not effects.counts["bugs", ""], effects.notes
    assert [send.topic for send in effects.sends] == [TOPICS["flow"]]
