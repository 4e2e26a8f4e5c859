"""The payloads with which an FL answers commands and reports, in OpenKilda's own kinds.

OpenKilda's classes refuse a record with one field that they do not have, so no FL writes a payload
by hand. The forms are those that OpenKilda's versions from 2019 on share, as far as they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flrouter.messages import names
from flrouter.messages.switch_id import canonical
from flrouter.speaker.answers import Answer, Chain, Info, Payload
from flrouter.speaker.sync import PortState

_INFO = "org.openkilda.messaging.info"
_VERSION = "OF_13"

#: rules in one message of a dump; more make a chain.
MAX_RULES_IN_MESSAGE = 50


def signed(number: int) -> int:
    """An unsigned number of 64 bits, as Java writes it: its classes read no larger ones."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


# -- what commands are answered with


def rules(switch: str, entries: Sequence[Payload]) -> Answer:
    """The rules of a switch, a chain when there are many.

    Args:
        entries: as :func:`rule` makes them.
    """
    parts = [
        {
            "clazz": f"{_INFO}.rule.SwitchFlowEntries",
            "switch_id": switch,
            "flows": entries[at : at + MAX_RULES_IN_MESSAGE],
        }
        for at in range(0, len(entries) or 1, MAX_RULES_IN_MESSAGE)
    ]
    return Info(parts[0]) if len(parts) == 1 else Chain(parts)


def rule(
    cookie: int,
    *,
    priority: int = 0,
    table: int = 0,
    counts: Mapping[str, int] | None = None,
    match: Mapping[str, str] | None = None,
    instructions: Mapping[str, Any] | None = None,
) -> Payload:
    """One rule of a dump.

    Args:
        cookie: signed, as Java writes it.
        counts: OpenFlow's own names (`packet_count`, `duration_sec`, …) and what they say.
        match: of `FlowMatchField`: `in_port`, `vlan_vid`, `eth_type`, …
        instructions: of `FlowInstructions`: `apply_actions`, `instruction_goto_meter`.
    """
    given = {name: signed(count) for name, count in (counts or {}).items()}
    return {
        "cookie": cookie,
        "table-id": table,
        "priority": priority,
        "version": _VERSION,
        "duration-sec": given.get("duration_sec", 0),
        "duration-nsec": given.get("duration_nsec", 0),
        "idle-timeout": given.get("idle_timeout", 0),
        "hard-timeout": given.get("hard_timeout", 0),
        "packet-count": given.get("packet_count", 0),
        "byte-count": given.get("byte_count", 0),
        "match": match or {},
        "instructions": instructions or {},
        "flags": [],
    }


def rules_deleted(cookies: Iterable[int]) -> Answer:
    """The cookies of rules that are gone."""
    return Info({"clazz": f"{_INFO}.switches.SwitchRulesResponse", "rule_ids": sorted(cookies)})


def meters(switch: str, entries: Sequence[Payload]) -> Answer:
    """The meters of a switch, as :func:`meter` makes them."""
    return Info(
        {"clazz": f"{_INFO}.meter.SwitchMeterEntries", "switch_id": switch, "meters": entries}
    )


def meter(meter_id: int, rate: int, burst_size: int, flags: Sequence[str]) -> Payload:
    """One meter of a dump; `rate` and `burst_size` in the unit that `flags` name."""
    return {
        "clazz": f"{_INFO}.meter.MeterEntry",
        "meter_id": meter_id,
        "rate": rate,
        "burst_size": burst_size,
        "version": _VERSION,
        "flags": flags,
    }


def ports(descriptions: Sequence[Payload]) -> Answer:
    """All ports of a switch, as :func:`port` makes them."""
    return Info(
        {
            "clazz": f"{_INFO}.switches.SwitchPortsDescription",
            "version": _VERSION,
            "port_desc": descriptions,
        }
    )


def port(number: int, name: str, state: PortState) -> Payload:
    """One port of a switch."""
    return {
        "clazz": f"{_INFO}.switches.PortDescription",
        "port_number": number,
        "name": name,
        "config": [],
        "state": [state],
    }


def connect_mode() -> Answer:
    """How switches connect: always as this FL decides itself."""
    return Info({"clazz": f"{_INFO}.switches.ConnectModeResponse", "connect_mode": "AUTO"})


def discovery_sent(switch: str, number: int, command: Payload) -> Answer:
    """A discovery packet has left a port. `command` is the payload that asked for it."""
    confirmation: dict[str, Any] = {
        "clazz": f"{_INFO}.discovery.DiscoPacketSendingConfirmation",
        "endpoint": {"switch-id": switch, "port-id": number},
    }
    if isinstance(command.get("packetId"), int):
        confirmation["packetId"] = command["packetId"]
    return Info(confirmation)


def ping(ping_id: object, latency_ns: int, now: int) -> Answer:
    """A ping came through, at `now` (ms since the epoch)."""
    return Info(
        {
            "clazz": "org.openkilda.messaging.floodlight.response.PingResponse",
            "timestamp": now,
            "ping_id": ping_id,
            "error": None,
            "meters": {"network_latency": latency_ns, "sender_latency": 0, "recipient_latency": 0},
        }
    )


# -- statistics


def port_states(
    switch: str, states: Iterable[tuple[int, PortState]], requester: object, now: int
) -> Payload:
    """Which ports of a switch are up, as PortsCommandData asks for it."""
    return {
        "clazz": f"{_INFO}.stats.SwitchPortStatusData",
        "timestamp": now,
        "switch_id": switch,
        "ports": [{"id": number, "status": state} for number, state in states],
        "requester": requester,
    }


def port_counters(
    switch: str, counters: Iterable[tuple[int, Mapping[str, int]]], now: int
) -> Payload:
    """What went through the ports of a switch: by port number, under OpenFlow's own names.

    Of what a switch does not count it says 2⁶⁴ - 1, which is -1 here as in OpenKilda's own FL.
    """
    return {
        "clazz": f"{_INFO}.stats.PortStatsData",
        "timestamp": now,
        "switch_id": switch,
        "stats": [
            {"portNo": number, **{_camel(name): signed(count) for name, count in counts.items()}}
            for number, counts in counters
        ],
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


# -- events


def switch_event(switch: str, state: str, now: int, /, **more: Any) -> Payload:
    """A switch came, went or changed. `more` are further fields of `SwitchInfoData`."""
    return {
        "clazz": names.SWITCH_EVENT,
        "timestamp": now,
        "switch_id": canonical(switch),
        "state": state,
        **more,
    }


def port_event(switch: str, number: int, state: str, now: int) -> Payload:
    """A port's link came up or went down, or the port is gone."""
    return {
        "clazz": names.PORT_EVENT,
        "timestamp": now,
        "switch_id": canonical(switch),
        "port_no": number,
        "state": state,
    }


def isl_event(
    source: tuple[str, int], destination: tuple[str, int], latency_ns: int, state: str, now: int
) -> Payload:
    """A link between two (switch, port): `destination` received the discovery packet.

    Its ends stand there twice: OpenKilda's classes read `path` until 2018, the others after it,
    and each passes over what it does not know.
    """
    path = [
        {
            "switch_id": canonical(switch),
            "port_no": number,
            "seq_id": at,
            "segment_latency": latency_ns,
        }
        for at, (switch, number) in enumerate((source, destination))
    ]
    return {
        "clazz": names.ISL_EVENT,
        "timestamp": now,
        "latency_ns": latency_ns,
        "path": path,
        "source": path[0],
        "destination": path[1],
        "state": state,
    }
