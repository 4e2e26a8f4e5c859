"""Commands, kind by kind: what each does with a switch, and what answers it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.speaker import dumps, payloads
from flrouter.speaker.answers import DONE, Answer, Chain, CommandFailed, Each, Info
from flrouter.speaker.command import Command
from flrouter.speaker.openflow.flows import flows, installing, meters, rules
from flrouter.speaker.openflow.switches import ports
from flrouter.speaker.openflow.switches.switch import Switch

Fields = Mapping[str, Any]


def everywhere(kind: str, payload: Fields, switches: Mapping[str, Switch]) -> Answer | None:
    """The answer to a command for the FL as a whole; None when it is one for a switch."""
    match kind:
        case "PortsCommandData":
            now, requester = int(time.time() * 1000), payload.get("requester")
            return Each(
                [
                    ports.states(switch.id, switch.ports.values(), requester, now)
                    for switch in switches.values()
                ]
            )
        case "BroadcastWrapper":
            inner = payload.get("payload") or {}
            scope = set(payload.get("scope") or ())
            asked = {name: switch for name, switch in switches.items() if name in scope}
            return everywhere(str(inner.get("clazz")).rpartition(".")[2], inner, asked)
        case "StatsRequest":
            return Each([])  # counters are reported unasked
        case "ConnectModeRequest":
            return payloads.connect_mode()
        case "GetSwitchesRequest":
            return Chain(
                [
                    payloads.switch_event(switch.id, switch.mode, int(time.time() * 1000))
                    for switch in switches.values()
                ]
            )
    return None


def on_switch(
    command: Command, switch: Switch, discover: Callable[[Switch, int], None]
) -> Awaitable[Answer]:
    """Carry out a command on its switch.

    Args:
        discover: sends a discovery packet out of a port.

    Raises:
        CommandFailed: it could not be carried out, also when the answer is awaited.
    """
    kind, payload = command.kind.rpartition(".")[2], command.payload
    if kind.startswith("Install") and kind.endswith("Flow"):
        return _install(switch, [flows.rule_of(kind, payload)])
    if kind.startswith("DumpRules") or kind == "ValidateRulesRequest":
        return _rules(switch, command)
    if kind.startswith("DumpMeters"):
        return _meters(switch, command)
    match kind:
        case "BatchInstallRequest":
            return _install(switch, _batch(switch, payload))
        case "BatchInstallForSwitchManagerRequest":
            return _install(switch, _batch(switch, payload), payloads.batch_installed())
        case "RemoveFlow":
            return _after(installing.remove(switch, kind, payload))
        case "DefaultFlowsCommandData":
            return _after(rules.add_defaults(switch))
        case "SwitchRulesDeleteRequest":
            return rules.delete(switch, payload)
        case "DumpPortDescriptionRequest":
            return _port(switch, payload)
        case "DumpSwitchPortsDescriptionRequest":
            return _ports(switch)
        case "DiscoverIslCommandData":
            return _discover(switch, payload, discover)
    raise CommandFailed(
        ErrorType.NOT_IMPLEMENTED, f"{kind} is not implemented", "see docs/openflow.md for what is"
    )


def _batch(switch: Switch, payload: Fields) -> list[flows.Rule]:
    commands = payload.get("flow_commands")
    if not isinstance(commands, list) or not all(isinstance(request, dict) for request in commands):
        raise CommandFailed(
            ErrorType.DATA_INVALID, "flow_commands is no list of commands", "list what to install"
        )
    for request in commands:
        _is_for(switch, request.get("switch_id", switch.id))
    return [
        flows.rule_of(str(request.get("clazz")).rpartition(".")[2], request) for request in commands
    ]


def _is_for(switch: Switch, named: object) -> None:
    try:
        same = canonical(named) == switch.id
    except BadSwitchId:
        same = False
    if not same:
        raise CommandFailed(
            ErrorType.DATA_INVALID,
            f"a command of a batch for switch {switch.id} names switch {named!r:.60}",
            "send each switch a batch of its own",
        )


async def _install(switch: Switch, wanted: list[flows.Rule], answer: Answer = DONE) -> Answer:
    await installing.install(switch, wanted)
    return answer


async def _after(work: Awaitable[None]) -> Answer:
    await work
    return DONE


async def _rules(switch: Switch, command: Command) -> Answer:
    installed = await rules.on(switch)
    return dumps.rules(command, switch.id, [rules.read(stats) for stats in installed])


async def _meters(switch: Switch, command: Command) -> Answer:
    parts = await switch.ask(meters.request())
    installed = [meters.read(stats) for part in parts for stats in part.body]
    return dumps.meters(command, switch.id, installed)


async def _port(switch: Switch, payload: Fields) -> Answer:
    port = switch.port(payload.get("port_no", payload.get("port_number", 0)))
    return Info(ports.description(port))


async def _ports(switch: Switch) -> Answer:
    return payloads.ports([ports.description(port) for port in switch.ports.values()])


async def _discover(
    switch: Switch, payload: Fields, discover: Callable[[Switch, int], None]
) -> Answer:
    number = payload.get("port_number", payload.get("port_no", 0))
    discover(switch, switch.port(number).number)
    return payloads.discovery_sent(switch.id, number, payload)
