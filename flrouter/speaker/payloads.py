"""The payloads that FLs of several kinds write, in OpenKilda's own forms.

OpenKilda's classes refuse a record with a field that they do not know. The forms here are the same
in all of OpenKilda's versions from 2019 on. Dumps differ between versions; they are in `dumps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flrouter.messages import names
from flrouter.messages.switch_id import canonical
from flrouter.speaker.answers import Answer, Info, Payload
from flrouter.speaker.sync import PortState, SwitchRecord

#: where the classes of most payloads are.
INFO = "org.openkilda.messaging.info"
#: of OpenFlow, as OpenKilda writes it.
VERSION = "OF_13"


def signed(number: int) -> int:
    """An unsigned 64-bit number as Java's signed long; OpenKilda's classes read no larger one."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


# -- what commands are answered with


def rule_ids(cookies: Iterable[int]) -> Answer:
    """The cookies of rules that are new, or gone."""
    return Info({"clazz": f"{INFO}.switches.SwitchRulesResponse", "rule_ids": sorted(cookies)})


def batch_installed() -> Answer:
    """The rules of the switch manager's batch are installed."""
    return Info({"clazz": f"{INFO}.rule.BatchInstallResponse"})


def ports(descriptions: Sequence[Payload]) -> Answer:
    """All ports of a switch, as :func:`port` makes them."""
    return Info(
        {
            "clazz": f"{INFO}.switches.SwitchPortsDescription",
            "version": VERSION,
            "port_desc": descriptions,
        }
    )


def port(number: int, name: str, state: PortState) -> Payload:
    """One port of a switch."""
    return {
        "clazz": f"{INFO}.switches.PortDescription",
        "port_number": number,
        "name": name,
        "config": [],
        "state": [state],
    }


def discovery_sent(switch: str, number: int, command: Payload) -> Answer:
    """A discovery packet has left a port. `command` is the payload that asked for it."""
    confirmation: dict[str, Any] = {
        "clazz": f"{INFO}.discovery.DiscoPacketSendingConfirmation",
        "endpoint": {"switch-id": switch, "port-id": number},
    }
    if isinstance(command.get("packetId"), int):
        confirmation["packetId"] = command["packetId"]
    return Info(confirmation)


def port_states(switch: SwitchRecord, requester: object, now: int) -> Payload:
    """Which ports of a switch are up, as PortsCommandData asks for it."""
    return {
        "clazz": f"{INFO}.stats.SwitchPortStatusData",
        "timestamp": now,
        "switch_id": switch.datapath,
        "ports": [{"id": port.number, "status": port.state} for port in switch.ports],
        "requester": requester,
    }


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

    The payload names both ends twice. OpenKilda's classes until 2018 read `path`; later ones read
    the other fields. Each version ignores the fields that it does not know.
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
