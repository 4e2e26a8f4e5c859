"""What a simulated FL answers to each kind of command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker import payloads
from flrouter.speaker.answers import DONE, Answer, Chain, CommandFailed, Each, Info
from flrouter.speaker.command import Command
from flrouter.speaker.simulated.network import Network, Switch


def answer(network: Network, command: Command) -> Answer:
    """Carry out `command` on the switches of `network`.

    Raises:
        CommandFailed: its switch is not connected.
    """
    kind = command.kind.rpartition(".")[2]
    if kind == "BroadcastWrapper":
        return _broadcast(network, command.payload)
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
    return _ports_of(network.switches.values())


def _ports_of(switches: Iterable[Switch]) -> Answer:
    now = _now_ms()
    return Each(
        [payloads.port_states(switch.id, switch.ports.items(), "stats", now) for switch in switches]
    )


def _broadcast(network: Network, wrapper: dict[str, Any]) -> Answer:
    """A command for those switches of the scope that are connected; of statistics it has none."""
    scope = set(wrapper.get("scope") or [])
    kind = str((wrapper.get("payload") or {}).get("clazz")).rpartition(".")[2]
    if kind != "PortsCommandData":
        return Each([])
    return _ports_of(switch for name, switch in network.switches.items() if name in scope)


def _connect_mode(_: Network) -> Answer:
    return payloads.connect_mode()


def _list(network: Network) -> Answer:
    now = _now_ms()
    return Chain(
        [
            payloads.switch_event(switch.id, switch.mode.value, now)
            for switch in network.switches.values()
        ]
    )


def _rules(switch: Switch, _: Command) -> Answer:
    return payloads.rules(switch.id, [payloads.rule(cookie) for _flow, cookie in switch.flows])


def _meters(switch: Switch, _: Command) -> Answer:
    return payloads.meters(
        switch.id,
        [
            payloads.meter(flow["meter_id"], flow.get("bandwidth", 0), 0, ["KBPS"])
            for flow in switch.flows.values()
            if "meter_id" in flow
        ],
    )


def _port(switch: Switch, command: Command) -> Answer:
    number = command.payload.get("port_no", command.payload.get("port_number", 1))
    state = switch.ports.get(number)
    if state is None:
        raise CommandFailed(
            ErrorType.NOT_FOUND, f"switch {switch.id} has no port {number}", "see its ports"
        )
    return Info(payloads.port(number, f"port-{number}", state))


def _switch_ports(switch: Switch, _: Command) -> Answer:
    return payloads.ports(
        [payloads.port(number, f"port-{number}", state) for number, state in switch.ports.items()]
    )


def _ping(_: Switch, command: Command) -> Answer:
    return payloads.ping((command.payload.get("ping") or {}).get("ping_id"), 0, _now_ms())


def _discovery(switch: Switch, command: Command) -> Answer:
    number = command.payload.get("port_number", 0)
    return payloads.discovery_sent(switch.id, number, command.payload)


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
