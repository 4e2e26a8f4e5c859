"""The rules of a switch: dumps of them, deleting them, and the FL's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import Answer, Chain, CommandFailed, Info, Payload
from flrouter.speaker.openflow import flows
from flrouter.speaker.openflow.lldp import ETHERTYPE, SOURCE
from flrouter.speaker.openflow.switch import Switch
from flrouter.speaker.openflow.wire import DESC, messages, of

_O = "org.openkilda.messaging"

#: OpenKilda's cookies of its default rules: drop what no rule knows, and discovery packets.
DROP = 0x8000000000000001
DISCOVERY = 0x8000000000000002

#: rules in one message of a dump; more make a chain.
_AT_ONCE = 50
_LONG = 1 << 63


def discovery() -> Any:
    """The message that adds the rule by which discovery packets come up."""
    instructions = [
        messages.OFPInstructionActions(
            of.OFPIT_APPLY_ACTIONS,
            [messages.OFPActionOutput(of.OFPP_CONTROLLER, of.OFPCML_NO_BUFFER)],
        )
    ]
    match = messages.OFPMatch(eth_src=SOURCE, eth_type=ETHERTYPE)
    return messages.OFPFlowMod(
        DESC, cookie=DISCOVERY, priority=0x7000, match=match, instructions=instructions
    )


def drop() -> Any:
    """The message that adds the rule which drops, and so counts, what no other rule knows."""
    return messages.OFPFlowMod(DESC, cookie=DROP, priority=1, match=messages.OFPMatch())


async def add_defaults(switch: Switch) -> None:
    """Add both rules of the FL's own.

    Raises:
        CommandFailed: the switch refused, or did not confirm.
    """
    for mod in (drop(), discovery()):
        await switch.change(mod, "the default rules", ErrorType.CREATION_FAILURE)


def request() -> Any:
    """The message that asks for all rules."""
    return messages.OFPFlowStatsRequest(
        DESC, 0, of.OFPTT_ALL, of.OFPP_ANY, of.OFPG_ANY, 0, 0, messages.OFPMatch()
    )


async def on(switch: Switch) -> list[Any]:
    """All rules that a switch has, as os-ken's OFPFlowStats.

    Raises:
        CommandFailed: the switch did not say.
    """
    return [stats for part in await switch.ask(request()) for stats in part.body]


async def dump(switch: Switch) -> Answer:
    """All rules, a chain when there are many.

    Raises:
        CommandFailed: the switch did not say.
    """
    entries = [entry(stats) for stats in await on(switch)]
    parts = [
        {
            "clazz": f"{_O}.info.rule.SwitchFlowEntries",
            "switch_id": switch.id,
            "flow_entries": entries[at : at + _AT_ONCE],
        }
        for at in range(0, len(entries) or 1, _AT_ONCE)
    ]
    return Info(parts[0]) if len(parts) == 1 else Chain(parts)


async def delete(switch: Switch, payload: Mapping[str, Any]) -> Answer:
    """Delete what SwitchRulesDeleteRequest names, and answer with the cookies that are gone.

    Raises:
        CommandFailed: the command cannot be read, or the switch refused or did not confirm.
    """
    before = await _cookies(switch)
    criteria = payload.get("criteria")
    action = payload.get("delete_rules_action")
    if criteria is not None:
        kind = "SwitchRulesDeleteRequest"
        mods = [flows.delete(flows.criteria_of(kind, criteria))]
    else:
        own = {_signed(DROP), _signed(DISCOVERY)}
        match action:
            case "DROP_ALL" | "DROP_ALL_ADD_DEFAULTS":
                doomed = before
            case "IGNORE_DEFAULTS" | "OVERWRITE_DEFAULTS":
                doomed = before - own
            case "REMOVE_DEFAULTS" | "REMOVE_ADD_DEFAULTS":
                doomed = before & own
            case "REMOVE_DROP":
                doomed = {_signed(DROP)}
            case "REMOVE_BROADCAST":
                doomed = {_signed(DISCOVERY)}
            case _:
                raise CommandFailed(
                    ErrorType.PARAMETERS_INVALID,
                    f"delete_rules_action {action!r} is not known",
                    "give criteria, or DROP_ALL, IGNORE_DEFAULTS or REMOVE_DEFAULTS",
                )
        mods = [
            flows.delete(flows.criteria_of("criteria", {"cookie": cookie})) for cookie in doomed
        ]
    for mod in mods:
        await switch.change(mod, "deleting rules", ErrorType.DELETION_FAILURE)
    gone = before - await _cookies(switch)
    if criteria is None and action in (
        *("DROP_ALL_ADD_DEFAULTS", "OVERWRITE_DEFAULTS", "REMOVE_ADD_DEFAULTS"),
    ):
        await add_defaults(switch)
    return Info({"clazz": f"{_O}.info.switch.SwitchRulesResponse", "rule_ids": sorted(gone)})


async def _cookies(switch: Switch) -> set[int]:
    return {_signed(stats.cookie) for stats in await on(switch)}


def entry(stats: Any) -> Payload:
    """A rule as a dump shows it."""
    return {
        "cookie": _signed(stats.cookie),
        "table_id": stats.table_id,
        "priority": stats.priority,
        "duration_sec": stats.duration_sec,
        "duration_nsec": stats.duration_nsec,
        "idle_timeout": stats.idle_timeout,
        "hard_timeout": stats.hard_timeout,
        "packet_count": stats.packet_count,
        "byte_count": stats.byte_count,
        "version": "OF_13",
        "match": _match(stats.match),
        "instructions": _instructions(stats.instructions),
        "flags": [],
    }


def _match(match: Any) -> dict[str, str]:
    found = dict(match.items())
    if "vlan_vid" in found:
        found["vlan_vid"] = _vlan(found["vlan_vid"])
    return {name: str(value) for name, value in found.items()}


def _instructions(instructions: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in instructions:
        if isinstance(one, messages.OFPInstructionMeter):
            found["instruction_goto_meter"] = one.meter_id
        elif isinstance(one, messages.OFPInstructionActions):
            found["instruction_apply_actions"] = dict(map(_action, one.actions))
    return found


def _action(action: Any) -> tuple[str, Any]:
    match action:
        case messages.OFPActionOutput():
            names = {of.OFPP_CONTROLLER: "controller", of.OFPP_IN_PORT: "in_port"}
            return "flow_output", names.get(action.port, str(action.port))
        case messages.OFPActionPushVlan():
            return "push_vlan", str(action.ethertype)
        case messages.OFPActionPopVlan():
            return "pop_vlan", "true"
        case messages.OFPActionSetField():
            value = _vlan(action.value) if action.key == "vlan_vid" else action.value
            return "set_field", {"field_name": action.key, "field_value": str(value)}
        case messages.OFPActionExperimenterUnknown():
            return f"experimenter_{action.experimenter:#x}", action.data.hex()
    return type(action).__name__, str(action)


def _vlan(value: Any) -> Any:
    return value & ~of.OFPVID_PRESENT if isinstance(value, int) else value


def _signed(cookie: int) -> int:
    """A cookie as Java writes it."""
    return (cookie + _LONG) % (2 * _LONG) - _LONG
