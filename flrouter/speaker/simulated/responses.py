"""What a simulated FL answers to each kind of command."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import DONE, Answer, Chain, CommandFailed, Each, Info
from flrouter.speaker.command import Command
from flrouter.speaker.simulated.network import Network, Switch

_O = "org.openkilda.messaging"

#: rules in one message of a dump; more make a chain.
_RULES_AT_ONCE = 50


def answer(network: Network, command: Command) -> Answer:
    """Carry out `command` on the switches of `network`.

    Raises:
        CommandFailed: its switch is not connected.
    """
    kind = command.kind.rpartition(".")[2]
    everywhere = _EVERYWHERE.get(kind)
    if everywhere is not None:
        return everywhere(network)
    switch = network.switches.get(command.switch or "")
    if switch is None:
        raise CommandFailed(
            ErrorType.NOT_FOUND,
            f"switch {command.switch} is not connected",
            f"{command.kind} needs a switch that this floodlight holds",
        )
    on_switch = _ON_SWITCH.get(kind)
    if on_switch is not None:
        return on_switch(switch, command)
    return _flow(switch, kind, command)


def _flow(switch: Switch, kind: str, command: Command) -> Answer:
    switch.acted += 1
    payload = command.payload
    if kind == "BatchInstallRequest":
        for flow in payload.get("flow_commands") or []:
            _install(switch, flow)
    elif kind == "RemoveFlow":
        switch.flows.pop((str(payload.get("flowid")), payload.get("cookie", 0)), None)
    elif kind.startswith("Install"):
        _install(switch, payload)
    return DONE


def _install(switch: Switch, flow: dict[str, Any]) -> None:
    switch.flows[str(flow.get("flowid")), flow.get("cookie", 0)] = flow


def _ports(network: Network) -> Answer:
    return Each(
        [
            {
                "clazz": f"{_O}.info.stats.SwitchPortStatusData",
                "timestamp": _now_ms(),
                "switch_id": switch.id,
                "ports": [
                    {"id": number, "status": state} for number, state in switch.ports.items()
                ],
                "requester": "stats",
            }
            for switch in network.switches.values()
        ]
    )


def _connect_mode(_: Network) -> Answer:
    return Info({"clazz": f"{_O}.info.switches.ConnectModeResponse", "mode": "AUTO"})


def _list(network: Network) -> Answer:
    return Chain(
        [
            {
                "clazz": f"{_O}.info.event.SwitchInfoData",
                "switch_id": switch.id,
                "state": switch.mode.value,
            }
            for switch in network.switches.values()
        ]
    )


def _rules(switch: Switch, _: Command) -> Answer:
    rules = [{"cookie": cookie, "flow_id": flow, "table_id": 0} for flow, cookie in switch.flows]
    parts = [
        {
            "clazz": f"{_O}.info.rule.SwitchFlowEntries",
            "switch_id": switch.id,
            "flow_entries": rules[at : at + _RULES_AT_ONCE],
        }
        for at in range(0, len(rules) or 1, _RULES_AT_ONCE)
    ]
    return Info(parts[0]) if len(parts) == 1 else Chain(parts)


def _meters(switch: Switch, _: Command) -> Answer:
    entries = [
        {"meter_id": flow["meter_id"], "rate": flow.get("bandwidth", 0)}
        for flow in switch.flows.values()
        if "meter_id" in flow
    ]
    return Info(
        {
            "clazz": f"{_O}.info.meter.SwitchMeterEntries",
            "switch_id": switch.id,
            "meter_entries": entries,
        }
    )


def _port(switch: Switch, command: Command) -> Answer:
    number = command.payload.get("port_no", command.payload.get("port_number", 1))
    state = switch.ports.get(number)
    if state is None:
        raise CommandFailed(
            ErrorType.NOT_FOUND, f"switch {switch.id} has no port {number}", "see its ports"
        )
    return Info(
        {
            "clazz": f"{_O}.info.switch.PortDescription",
            "switch_id": switch.id,
            "port_number": number,
            "state": state,
        }
    )


def _switch_ports(switch: Switch, _: Command) -> Answer:
    ports = [{"port_number": number, "state": state} for number, state in switch.ports.items()]
    return Info(
        {
            "clazz": f"{_O}.info.switch.SwitchPortsDescription",
            "switch_id": switch.id,
            "ports_description": ports,
        }
    )


def _ping(switch: Switch, command: Command) -> Answer:
    ping = command.payload.get("ping")
    return Info(
        {
            "clazz": f"{_O}.info.flow.PingResponse",
            "timestamp": _now_ms(),
            "ping_id": (ping or {}).get("ping_id"),
            "switch_id": switch.id,
            "error": None,
        }
    )


def _discovery(switch: Switch, command: Command) -> Answer:
    return Info(
        {
            "clazz": f"{_O}.info.discovery.DiscoPacketSendingConfirmation",
            "endpoint": {"switch_id": switch.id, "port_no": command.payload.get("port_number")},
            "packet_id": command.payload.get("packet_id"),
            "switch_id": switch.id,
        }
    )


_EVERYWHERE: dict[str, Callable[[Network], Answer]] = {
    "PortsCommandData": _ports,
    "ConnectModeRequest": _connect_mode,
    "GetSwitchesRequest": _list,
}

_ON_SWITCH: dict[str, Callable[[Switch, Command], Answer]] = {
    "DumpRulesRequest": _rules,
    "DumpMetersRequest": _meters,
    "DumpPortDescriptionRequest": _port,
    "DumpSwitchPortsDescriptionRequest": _switch_ports,
    "PingRequest": _ping,
    "DiscoverIslCommandData": _discovery,
}


def _now_ms() -> int:
    return int(time.time() * 1000)
