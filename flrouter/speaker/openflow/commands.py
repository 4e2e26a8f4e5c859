"""Commands, kind by kind: what each does with a switch, and what answers it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.speaker import dumps, payloads
from flrouter.speaker.answers import DONE, Answer, CommandFailed, Info
from flrouter.speaker.command import Command
from flrouter.speaker.openflow.flows import flows, installing, meters, rules
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import DESC, messages, of


async def on_switch(
    command: Command, switch: Switch, discover: Callable[[Switch, int], None]
) -> Answer:
    """Carry out a command on its switch.

    Args:
        discover: sends a discovery packet out of a port.

    Raises:
        CommandFailed: the command could not be carried out.
    """
    kind, payload = command.kind.rpartition(".")[2], command.payload
    if kind.startswith("Install") and kind.endswith("Flow"):
        await installing.install(switch, [flows.rule_of(kind, payload)])
        return DONE
    if kind.startswith("BatchInstall"):
        await installing.install(switch, _batch(switch, payload))
        return payloads.batch_installed() if kind.endswith("ForSwitchManagerRequest") else DONE
    if kind.startswith("DumpRules") or kind == "ValidateRulesRequest":
        entries = [rules.read(stats) for stats in await rules.on(switch)]
        return dumps.rules(command, switch.id, entries)
    if kind.startswith("DumpMeters"):
        parts = await switch.ask(messages.OFPMeterConfigStatsRequest(DESC, 0, of.OFPM_ALL))
        limits = [meters.read(stats) for part in parts for stats in part.body]
        return dumps.meters(command, switch.id, limits)
    match kind:
        case "RemoveFlow":
            await installing.remove(switch, kind, payload)
            return DONE
        case "DefaultFlowsCommandData":
            await rules.add_defaults(switch)
            return DONE
        case "SwitchRulesDeleteRequest":
            return await rules.delete(switch, payload)
        case "DumpPortDescriptionRequest":
            port = switch.port(payload.get("port_no", payload.get("port_number", 0)))
            return Info(payloads.port(*port))
        case "DumpSwitchPortsDescriptionRequest":
            return payloads.ports([payloads.port(*port) for port in switch.ports.values()])
        case "DiscoverIslCommandData":
            number = payload.get("port_number", payload.get("port_no", 0))
            discover(switch, switch.port(number).number)
            return payloads.discovery_sent(switch.id, number, payload)
    raise flows.not_implemented(kind)


def _batch(switch: Switch, payload: Mapping[str, Any]) -> list[flows.Rule]:
    commands = payload.get("flow_commands")
    if not isinstance(commands, list) or not all(isinstance(request, dict) for request in commands):
        raise CommandFailed(
            ErrorType.DATA_INVALID, "flow_commands is no list of commands", "list what to install"
        )
    for request in commands:
        named = request.get("switch_id", switch.id)
        with contextlib.suppress(BadSwitchId):
            if canonical(named) == switch.id:
                continue
        raise CommandFailed(
            ErrorType.DATA_INVALID,
            f"a command of a batch for switch {switch.id} names switch {named!r:.60}",
            "send each switch a batch of its own",
        )
    return [
        flows.rule_of(str(request.get("clazz")).rpartition(".")[2], request) for request in commands
    ]
