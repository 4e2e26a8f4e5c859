"""The rules of a switch: dumps of them, deleting them, and the FL's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker import dumps, payloads
from flrouter.speaker.answers import Answer, CommandFailed
from flrouter.speaker.openflow.flows import flows
from flrouter.speaker.openflow.switches.lldp import ETHERTYPE, SOURCE
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import DESC, messages, of

#: OpenKilda's cookies of its default rules: drop unmatched packets, and send discovery packets up.
DROP = 0x8000000000000001
DISCOVERY = 0x8000000000000002

#: the match fields that OpenKilda's classes show.
_MATCH = {"eth_src", "eth_dst", "eth_type", "ip_proto", "udp_src", "udp_dst", "in_port", "vlan_vid"}


def discovery() -> Any:
    """The message that adds the rule which sends discovery packets to this FL."""
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
    """The message that adds the rule which drops, and so counts, packets of no other rule."""
    return messages.OFPFlowMod(DESC, cookie=DROP, priority=1, match=messages.OFPMatch())


async def add_defaults(switch: Switch) -> None:
    """Add both rules of the FL's own.

    Raises:
        CommandFailed: the switch refused, or did not confirm.
    """
    for mod in (drop(), discovery()):
        await switch.change(mod, "the default rules", ErrorType.CREATION_FAILURE)


async def on(switch: Switch) -> list[Any]:
    """All rules that a switch has, as os-ken's OFPFlowStats.

    Raises:
        CommandFailed: the switch did not answer.
    """
    request = messages.OFPFlowStatsRequest(
        DESC, 0, of.OFPTT_ALL, of.OFPP_ANY, of.OFPG_ANY, 0, 0, messages.OFPMatch()
    )
    return [stats for part in await switch.ask(request) for stats in part.body]


async def delete(switch: Switch, payload: Mapping[str, Any]) -> Answer:
    """Delete the rules that SwitchRulesDeleteRequest names, and answer with their cookies.

    Raises:
        CommandFailed: the command cannot be read, or the switch refused or did not confirm.
    """
    before = await _cookies(switch)
    drop_rule, discovery_rule = payloads.signed(DROP), payloads.signed(DISCOVERY)
    own = {drop_rule, discovery_rule}
    doomed = {
        "DROP_ALL": before,
        "DROP_ALL_ADD_DEFAULTS": before,
        "IGNORE_DEFAULTS": before - own,
        "OVERWRITE_DEFAULTS": before - own,
        "REMOVE_DEFAULTS": before & own,
        "REMOVE_ADD_DEFAULTS": before & own,
        "REMOVE_DROP": {drop_rule},
        "REMOVE_BROADCAST": {discovery_rule},
    }
    criteria, action = payload.get("criteria"), str(payload.get("delete_rules"))
    if criteria is not None:
        deleted = [flows.criteria_of("SwitchRulesDeleteRequest", criteria)]
    elif action in doomed:
        deleted = [flows.Criteria(cookie=cookie) for cookie in doomed[action]]
    else:
        raise CommandFailed(
            ErrorType.PARAMETERS_INVALID,
            f"delete_rules {action!r} is not known",
            "give criteria, or DROP_ALL, IGNORE_DEFAULTS or REMOVE_DEFAULTS",
        )
    for each in deleted:
        await switch.change(flows.delete(each), "deleting rules", ErrorType.DELETION_FAILURE)
    gone = before - await _cookies(switch)
    if criteria is None and action.endswith(("_ADD_DEFAULTS", "OVERWRITE_DEFAULTS")):
        await add_defaults(switch)
    return payloads.rule_ids(gone)


async def _cookies(switch: Switch) -> set[int]:
    return {payloads.signed(stats.cookie) for stats in await on(switch)}


def read(stats: Any) -> dumps.Rule:
    """A rule; parts that OpenKilda's classes have no field for are left out.

    Args:
        stats: os-ken's OFPFlowStats.
    """
    meter, actions = None, None
    for one in stats.instructions:
        if isinstance(one, messages.OFPInstructionMeter):
            meter = one.meter_id
        elif isinstance(one, messages.OFPInstructionActions):
            shown = (_action(action) for action in one.actions)
            actions = [action for action in shown if action is not None]
    return dumps.Rule(
        payloads.signed(stats.cookie),
        priority=stats.priority,
        table=stats.table_id,
        counts={name: getattr(stats, name) for name in dumps.COUNTS},
        match=_match(stats.match),
        actions=actions,
        meter=meter,
    )


def _match(match: Any) -> dict[str, Any]:
    fields = {name: value for name, value in match.items() if name in _MATCH}
    if "vlan_vid" in fields:
        fields["vlan_vid"] = _vlan(fields["vlan_vid"])
    return fields


def _action(action: Any) -> tuple[str, Any] | None:
    """An action's name and value; None if OpenKilda's classes have no field for it."""
    match action:
        case messages.OFPActionOutput():
            names = {of.OFPP_CONTROLLER: "controller", of.OFPP_IN_PORT: "in_port"}
            return "output", names.get(action.port, action.port)
        case messages.OFPActionPushVlan():
            return "push_vlan", action.ethertype
        case messages.OFPActionPopVlan():
            return "pop_vlan", None
        case messages.OFPActionGroup():
            return "group", action.group_id
        case messages.OFPActionSetField():
            value = action.value[0] if isinstance(action.value, tuple) else action.value
            value = _vlan(value) if action.key == "vlan_vid" else value
            return "set_field", (action.key, value)
    return None


def _vlan(value: Any) -> Any:
    return value & ~of.OFPVID_PRESENT if isinstance(value, int) else value
