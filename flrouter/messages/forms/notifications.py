"""What OpenKilda of 2025 is told of a switch: which FLs are connected to it (protocol.md, 8.5)."""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.messages import members, names
from flrouter.messages.assembly import carrier
from flrouter.messages.forms import build

_RECORDS = ("switch_record", "switch")


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


def connection(
    floodlight: str, *, writes: bool, master: bool, since: int, addresses: bytes = b""
) -> dict[str, Any]:
    """One FL's connection to a switch: an entry of `availabilityData` (protocol.md, 8.5).

    Args:
        writes: whether it may change the switch; else it may only read it.
        since: when it was connected (ms since the epoch).
        addresses: both ends of it, as :func:`addresses_of` gave them.
    """
    ends = msgspec.json.decode(addresses) if addresses else {}
    return {
        "regionName": floodlight,
        "connectMode": "READ_WRITE" if writes else "READ_ONLY",
        "master": master,
        "connectedAt": since / 1000,
        **ends,
    }


def connect(record: bytes, connections: list[dict[str, Any]]) -> dict[str, Any]:
    """A switch has a master again (protocol.md, 8.5).

    Args:
        record: what an FL says of the switch.
    """
    return {
        "clazz": names.SWITCH_CONNECT,
        "speakerData": msgspec.Raw(record),
        "availabilityData": {"connections": connections},
    }


def disconnect(
    switch: str, connections: list[dict[str, Any]], *, region_offline: bool
) -> dict[str, Any]:
    """A switch has no master any more (protocol.md, 8.5).

    Args:
        connections: those that are left.
        region_offline: whether the reason is an FL that does not answer or was removed.
    """
    own = {"clazz": names.SWITCH_DISCONNECT, "regionOffline": region_offline}
    return availability(switch, connections) | own


def availability(switch: str, connections: list[dict[str, Any]]) -> dict[str, Any]:
    """Something else changed in the connections of a switch (protocol.md, 8.5)."""
    return {
        "clazz": names.SWITCH_AVAILABILITY,
        "switchId": switch,
        "availabilityData": {"connections": connections},
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
    start, end = members.places(data).get("payload", (0, 0))
    place = members.places(data[start:end], start).get("dump_id") if end else None
    return data[: place[0]] + new + data[place[1] :] if place is not None else data
