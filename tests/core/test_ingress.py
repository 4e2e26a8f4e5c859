"""Partitions of inbound topics that are no shard's."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.core.effects import Send
from flrouter.core.ingress import Ingress
from flrouter.core.inputs import CaughtUp
from flrouter.messages import build, names

from .world import DEAD, FLOW, SHARDS, TOPICS, Record, World, catalog, read_command, rules

SWITCH = "00:00:00:00:00:00:00:09"


def taken(data: bytes) -> list[Send]:
    """What the ingress of partition 11 does with a record."""
    record = Record("kilda.speaker", 11, 5, None, data, [("trace", b"1")], 0)
    ingress = Ingress(rules(), catalog())
    effects = ingress.decide([read_command(record), CaughtUp(1)], 1_000)
    assert ingress.take_changes() == []
    assert not effects.catch_up
    return effects.sends


@pytest.mark.parametrize("switch", ["9", "0a", "0b", "0c"])
def test_commands_go_home(switch: str) -> None:
    """With the place where they were first read, which is their identity."""
    data = build.message(names.COMMAND, {"clazz": FLOW, "switch_id": switch}, "op", 0)
    [send] = taken(data)
    home = World().home(f"00:00:00:00:00:00:00:{switch.zfill(2)}")
    assert (send.topic, send.partition, send.value) == (SHARDS, home, data)
    assert dict(send.headers) == {
        "flrouter-what": b"command",
        "flrouter-origin": b"kilda.speaker/11/5",
        "trace": b"1",
    }


def test_commands_to_every_floodlight_go_home_too() -> None:
    """To the home of their id, or of their number when they have none."""
    for cid in ("op", ""):
        [send] = taken(build.message(names.COMMAND, {"clazz": "x.PortsCommandData"}, cid, 0))
        assert send.topic == SHARDS
        assert send.partition in range(3)


def test_what_cannot_go_home_ends_here() -> None:
    """Broken commands are answered and kept, as by a shard."""
    error, dead = taken(b"{")
    assert (error.topic, dead.topic) == (TOPICS["flow"], DEAD)
    [dead] = taken(b'{"clazz":"x.info.InfoMessage"}')
    assert dead.topic == DEAD
    [error] = taken(
        build.message(names.COMMAND, {"clazz": FLOW, "switch_id": "9"}, "op", 0, reply_to="none")
    )
    assert error.value is not None
    assert b"PARAMETERS_INVALID" in error.value


def test_a_bug_loses_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, the requester is told and the record is kept."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("flrouter.core.commands.Commands.take", broken)
    error, dead = taken(build.message(names.COMMAND, {"clazz": FLOW, "switch_id": "9"}, "op", 0))
    assert error.value is not None
    assert b"INTERNAL_ERROR" in error.value
    assert b'"correlation_id":"op"' in error.value
    assert dead.topic == DEAD
