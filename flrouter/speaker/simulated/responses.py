"""What a simulated FL answers to each kind of command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker import dumps, payloads
from flrouter.speaker.answers import DONE, Answer, Chain, CommandFailed, Each, Info, Payload
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
    switch.acted += 1
    if kind.endswith("SpeakerCommandsRequest"):
        return _pieces(switch, command.payload, "Delete" in kind)
    return _flow(switch, kind, command.payload)


def _flow(switch: Switch, kind: str, payload: dict[str, Any]) -> Answer:
    if kind.startswith("BatchInstall"):
        for flow in payload.get("flow_commands") or []:
            _install(switch, flow)
    elif "Remove" in kind:
        switch.flows.pop(_flow_key(payload), None)
    elif "Install" in kind:
        _install(switch, payload)
    return payloads.batch_installed() if kind.endswith("ForSwitchManagerRequest") else DONE


def _install(switch: Switch, flow: dict[str, Any]) -> None:
    switch.flows[_flow_key(flow)] = flow


def _flow_key(flow: dict[str, Any]) -> tuple[str, int]:
    """Segments have in their metadata what flow commands have at their top."""
    named = flow.get("metadata") or flow
    return str(named.get("flowid")), named.get("cookie", 0)


def _pieces(switch: Switch, payload: dict[str, Any], delete: bool) -> Answer:
    """Install, change or delete what the rule manager wants so."""
    for piece in payload.get("command_data") or []:
        name, kept = {
            "FlowCommand": ("cookie", switch.rules),
            "MeterCommand": ("meter_id", switch.meters),
            "GroupCommand": ("group_id", switch.groups),
        }[piece["clazz"].rpartition(".")[2]]
        data = piece["data"]
        if delete:
            kept.pop(data[name], None)
        else:
            kept[data[name]] = data
    return DONE


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


def _rules(switch: Switch, command: Command) -> Answer:
    flows = [dumps.Rule(cookie) for _, cookie in switch.flows]
    if dumps.wants_speaker_data(command):
        made = [dumps.rule_data(switch.id, rule) for rule in flows]
        return dumps.flow_data(switch.id, [*made, *switch.rules.values()])
    given = [dumps.Rule(cookie, data.get("priority", 0)) for cookie, data in switch.rules.items()]
    return dumps.rules(command, switch.id, [*flows, *given])


def _meters(switch: Switch, command: Command) -> Answer:
    of_flows = [
        dumps.Meter(flow["meter_id"], flow.get("bandwidth", 0), 0, ["KBPS"])
        for flow in switch.flows.values()
        if "meter_id" in flow
    ]
    given = [
        dumps.Meter(number, data.get("rate", 0), data.get("burst", 0), data.get("flags") or [])
        for number, data in switch.meters.items()
    ]
    return dumps.meters(command, switch.id, [*of_flows, *given])


def _groups(switch: Switch, _: Command) -> Answer:
    return dumps.group_data(switch.id, list(switch.groups.values()))


def _delete_meter(switch: Switch, command: Command) -> Answer:
    """With a meter go the rules that it limits."""
    number = command.payload.get("meter_id", 0)
    switch.meters.pop(number, None)
    for key in [key for key, flow in switch.flows.items() if flow.get("meter_id") == number]:
        del switch.flows[key]
    return payloads.meter_deleted()


def _change_meter(switch: Switch, command: Command) -> Answer:
    """In 2019 a flow has two meters, of which one may be another switch's."""
    payload = command.payload
    rate = payload.get("bandwidth", 0)

    def changed(way: str) -> Payload:
        number = payload.get(f"{way}meter_id", 0)
        for flow in switch.flows.values():
            if flow.get("meter_id") == number:
                flow["bandwidth"] = rate
        if number in switch.meters:
            switch.meters[number]["rate"] = rate
        meter = dumps.Meter(number, rate, 0, ["KBPS"])
        return dumps.meter_entries(payload.get(f"{way}switch_id") or switch.id, [meter])

    if command.profile.classes == "2019":
        return payloads.flow_meters(changed("fwd_"), changed("rvs_"))
    return Info(changed(""))


def _delete_rules(switch: Switch, command: Command) -> Answer:
    """One by its cookie, or all; a simulated switch has none of its own."""
    criteria = command.payload.get("criteria")
    whole = str(command.payload.get("delete_rules")).startswith(("DROP", "IGNORE", "OVERWRITE"))
    cookies = {cookie for _, cookie in switch.flows} | switch.rules.keys()
    gone = cookies & {criteria.get("cookie")} if criteria else cookies if whole else set()
    switch.flows = {key: flow for key, flow in switch.flows.items() if key[1] not in gone}
    switch.rules = {cookie: data for cookie, data in switch.rules.items() if cookie not in gone}
    return payloads.rule_ids(gone)


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


def _configure_port(switch: Switch, command: Command) -> Answer:
    """It stays as it is: who drives the simulation says what becomes of ports."""
    return payloads.port_configured(switch.id, command.payload.get("port_no", 0))


def _bfd(_: Switch, command: Command) -> Answer:
    return payloads.bfd_session(command.payload.get("bfd-session"))


_EVERYWHERE: dict[str, Callable[[Network], Answer]] = {
    "PortsCommandData": _ports,
    "StatsRequest": lambda _: Each([]),  # simulated switches count nothing
    "ConnectModeRequest": _connect_mode,
    "GetSwitchesRequest": _list,
}

_ON_SWITCH: dict[str, Callable[[Switch, Command], Answer]] = {
    "DumpRulesRequest": _rules,
    "DumpRulesForSwitchManagerRequest": _rules,
    "DumpRulesForFlowHsRequest": _rules,
    "ValidateRulesRequest": _rules,
    "DumpMetersRequest": _meters,
    "DumpMetersForSwitchManagerRequest": _meters,
    "DumpMetersForFlowHsRequest": _meters,
    "DumpGroupsForSwitchManagerRequest": _groups,
    "DumpGroupsForFlowHsRequest": _groups,
    "DeleteMeterRequest": _delete_meter,
    "MeterModifyCommandRequest": _change_meter,
    "SwitchRulesDeleteRequest": _delete_rules,
    "SwitchRulesInstallRequest": lambda *_: payloads.rule_ids([]),  # it needs none of its own
    "PortConfigurationRequest": _configure_port,
    "SetupBfdSession": _bfd,
    "RemoveBfdSession": _bfd,
    "DumpPortDescriptionRequest": _port,
    "DumpSwitchPortsDescriptionRequest": _switch_ports,
    "PingRequest": _ping,
    "DiscoverIslCommandData": _discovery,
}


def _now_ms() -> int:
    return int(time.time() * 1000)
