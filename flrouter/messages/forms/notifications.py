"""What OpenKilda of 2025 is told of a switch: which FLs are connected to it (protocol.md, 8.5)."""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.messages import members, names
from flrouter.messages.assembly import carrier
from flrouter.messages.forms import build

_RECORDS = ("switch_record", "switch")


class Connection(msgspec.Struct, frozen=True):
    """One FL's connection to a switch: an entry of `availabilityData` (protocol.md, 8.5)."""

    floodlight: str
    #: whether it may change the switch; else it may only read it.
    writes: bool
    master: bool
    #: ms since the epoch: since when.
    since: int
    #: both ends of it, as :func:`addresses_of` gave them.
    addresses: bytes = b""


class _Addresses(msgspec.Struct):
    """What a record says of a connection."""

    switch: msgspec.Raw = msgspec.field(name="switch-socket", default=msgspec.Raw(b"null"))
    speaker: msgspec.Raw = msgspec.field(name="speaker-socket", default=msgspec.Raw(b"null"))


_addresses = msgspec.json.Decoder(_Addresses)


def record_of(data: bytes) -> bytes:
    """The record of the switch in an event or a sync's record, as JSON; may be empty.

    Args:
        data: a message that could be decoded.
    """
    try:
        payload = members.members(bytes(members.decode(carrier, data).payload))
    except msgspec.MsgspecError:
        return b""
    record = next((payload[name] for name in _RECORDS if name in payload), b"")
    return record if record.startswith(b"{") else b""


def addresses_of(record: bytes) -> bytes:
    """The addresses of both ends of a connection, as JSON, from the record of its switch."""
    try:
        ends = members.decode(_addresses, record)
    except msgspec.MsgspecError:
        return b""
    return msgspec.json.encode({"switchAddress": ends.switch, "speakerAddress": ends.speaker})


def connect(record: bytes, connections: list[Connection]) -> dict[str, Any]:
    """A switch has a master again (protocol.md, 8.5).

    Args:
        record: what an FL says of the switch.
        connections: all of them.
    """
    return {
        "clazz": names.SWITCH_CONNECT,
        "speakerData": msgspec.Raw(record),
        "availabilityData": _data(connections),
    }


def disconnect(
    switch: str, connections: list[Connection], *, region_offline: bool
) -> dict[str, Any]:
    """A switch has no master any more (protocol.md, 8.5).

    Args:
        switch: its id.
        connections: those that are left.
        region_offline: whether the reason is an FL that does not answer or was removed.
    """
    return {
        "clazz": names.SWITCH_DISCONNECT,
        "switchId": switch,
        "availabilityData": _data(connections),
        "regionOffline": region_offline,
    }


def availability(switch: str, connections: list[Connection]) -> dict[str, Any]:
    """Something else changed in the connections of a switch (protocol.md, 8.5)."""
    return {
        "clazz": names.SWITCH_AVAILABILITY,
        "switchId": switch,
        "availabilityData": _data(connections),
    }


def message(notice: dict[str, Any], correlation_id: str, now: int) -> bytes:
    """A notification in its envelope; `now` in ms since the epoch."""
    return build.message(names.INFO, {**notice, "timestamp": now}, correlation_id, now)


def with_dump_id(data: bytes, dump_id: str | None) -> bytes:
    """A sync's record under another `dump_id`, or under none (protocol.md, 8.5).

    OpenKilda takes each dump id for one round of all FLs; a switch that is missing in a few rounds
    is gone.
    """
    new = msgspec.json.encode(dump_id)
    for payload in _spans_of(data, "payload"):
        inner = data[slice(*payload)]
        for start, end in _spans_of(inner, "dump_id"):
            at = payload[0]
            return data[: at + start] + new + data[at + end :]
    return data


def _spans_of(data: bytes, name: str) -> list[tuple[int, int]]:
    """Where the value of a member stands; if the name occurs twice, the last."""
    values = [(value, end) for member, _, value, end in members.spans(data) if member == name]
    return values[-1:]


def _data(connections: list[Connection]) -> dict[str, Any]:
    return {"connections": [_entry(connection) for connection in connections]}


def _entry(connection: Connection) -> dict[str, Any]:
    ends = msgspec.json.decode(connection.addresses) if connection.addresses else {}
    return {
        "regionName": connection.floodlight,
        "connectMode": "READ_WRITE" if connection.writes else "READ_ONLY",
        "master": connection.master,
        "connectedAt": connection.since / 1000,
        **ends,
    }
