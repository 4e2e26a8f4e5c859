"""What a simulated FL answers to each kind of command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flrouter.clock import now_ms
from flrouter.messages.errors import ErrorType
from flrouter.speaker import dumps, payloads
from flrouter.speaker.answers import DONE, Answer, CommandFailed, Info, Payload
from flrouter.speaker.command import Command
from flrouter.speaker.dispatch import dispatch
from flrouter.speaker.payloads import INFO
from flrouter.speaker.simulated.switch import Switch

_RESPONSE = "org.openkilda.messaging.floodlight.response"


def answer(switches: Mapping[str, Switch], command: Command) -> Answer:
    """Carry out `command` on one of `switches`, or on all of them.

    Raises:
        CommandFailed: its switch is not connected.
    """
    return dispatch(command, switches, lambda switch: _on_switch(switch, command))


def _on_switch(switch: Switch, command: Command) -> Answer:
    kind = command.kind.rpartition(".")[2]
    short = kind.removesuffix("Request").removesuffix("ForSwitchManager").removesuffix("ForFlowHs")
    respond = _RESPONSES.get(short)
    if respond is not None:
        return respond(switch, command)
    switch.acted += 1
    if kind.endswith("SpeakerCommandsRequest"):
        return _pieces(switch, command.payload, "Delete" in kind)
    return _flow(switch, kind, command.payload)


def _flow(switch: Switch, kind: str, payload: dict[str, Any]) -> Answer:
    if kind.startswith("BatchInstall"):
        for flow in payload.get("flow_commands") or []:
            switch.flows[_flow_key(flow)] = flow
    elif "Remove" in kind:
        switch.flows.pop(_flow_key(payload), None)
    elif "Install" in kind:
        switch.flows[_flow_key(payload)] = payload
    return payloads.batch_installed() if kind.endswith("ForSwitchManagerRequest") else DONE


def _flow_key(flow: dict[str, Any]) -> tuple[str, int]:
    """Flow id and cookie: segments have them in their metadata, flow commands at the top."""
    named = flow.get("metadata") or flow
    return str(named.get("flowid")), named.get("cookie", 0)


def _pieces(switch: Switch, payload: dict[str, Any], delete: bool) -> Answer:
    """Install, change or delete the rule manager's speaker data."""
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


def _rules(switch: Switch, command: Command) -> Answer:
    flows = [dumps.Rule(cookie) for _, cookie in switch.flows]
    if dumps.wants_speaker_data(command):
        made = [dumps.rule_data(switch.id, rule) for rule in flows]
        return dumps.data("Flow", switch.id, [*made, *switch.rules.values()])
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


def _delete_meter(switch: Switch, command: Command) -> Answer:
    """Delete a meter, and the rules that it limits."""
    number = command.payload.get("meter_id", 0)
    switch.meters.pop(number, None)
    switch.flows = {
        key: flow for key, flow in switch.flows.items() if flow.get("meter_id") != number
    }
    return Info({"clazz": f"{INFO}.switches.DeleteMeterResponse", "deleted": True})


def _change_meter(switch: Switch, command: Command) -> Answer:
    """Change a meter. In 2019 a flow has two meters, and one may be at another switch."""
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
        clazz = f"{INFO}.meter.FlowMeterEntries"
        return Info({"clazz": clazz, "src_meter": changed("fwd_"), "dst_meter": changed("rvs_")})
    return Info(changed(""))


def _delete_rules(switch: Switch, command: Command) -> Answer:
    """Delete one rule by its cookie, or all; a simulated switch has no default rules."""
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


def _configure_port(switch: Switch, command: Command) -> Answer:
    """Change nothing: only the control channel changes ports."""
    clazz, number = f"{INFO}.switches.PortConfigurationResponse", command.payload.get("port_no", 0)
    return Info({"clazz": clazz, "switch_id": switch.id, "port_no": number})


def _bfd(_: Switch, command: Command) -> Answer:
    session = command.payload.get("bfd-session")
    clazz = f"{_RESPONSE}.BfdSessionResponse"
    return Info({"clazz": clazz, "bfd-session": session, "error-code": None})


def _ping(_: Switch, command: Command) -> Answer:
    ping_id = (command.payload.get("ping") or {}).get("ping_id")
    return Info(
        {
            "clazz": f"{_RESPONSE}.PingResponse",
            "timestamp": now_ms(),
            "ping_id": ping_id,
            "error": None,
            "meters": {"network_latency": 0, "sender_latency": 0, "recipient_latency": 0},
        }
    )


_RESPONSES: dict[str, Callable[[Switch, Command], Answer]] = {
    "DumpRules": _rules,
    "ValidateRules": _rules,
    "DumpMeters": _meters,
    "DumpGroups": lambda switch, _: dumps.data("Group", switch.id, list(switch.groups.values())),
    "DeleteMeter": _delete_meter,
    "MeterModifyCommand": _change_meter,
    "SwitchRulesDelete": _delete_rules,
    "SwitchRulesInstall": lambda *_: payloads.rule_ids([]),  # no default rules are needed
    "PortConfiguration": _configure_port,
    "SetupBfdSession": _bfd,
    "RemoveBfdSession": _bfd,
    "DumpPortDescription": _port,
    "DumpSwitchPortsDescription": lambda switch, _: payloads.ports(
        [payloads.port(number, f"port-{number}", state) for number, state in switch.ports.items()]
    ),
    "Ping": _ping,
    "DiscoverIslCommandData": lambda switch, command: payloads.discovery_sent(
        switch.id, command.payload.get("port_number", 0), command.payload
    ),
}
