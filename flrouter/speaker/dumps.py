"""Rules and meters of switches, in the form that a command asks for.

OpenKilda has two forms. Entries are for people, and for all versions until 2019. Speaker data, the
form of the rule manager of 2025, is for the switch manager and flow-HS.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from flrouter.speaker.answers import Answer, Chain, Info, Payload
from flrouter.speaker.command import Command
from flrouter.speaker.payloads import INFO, VERSION, signed

#: rules in one message of a chain, for plain FLs.
MAX_RULES_IN_MESSAGE = 50
#: pieces of speaker data in one message; the default of OpenKilda's own FL.
MAX_PIECES_IN_MESSAGE = 500

#: the counters and timeouts of a rule, as OpenFlow calls them.
COUNTS = (
    *("duration_sec", "duration_nsec", "idle_timeout", "hard_timeout"),
    *("packet_count", "byte_count"),
)
_SPEAKER_DATA = ("ForSwitchManagerRequest", "ForFlowHsRequest")
_ACTION = "org.openkilda.rulemanager.action"
#: OpenKilda's names of tables, by their numbers.
_TABLES = ("INPUT", "PRE_INGRESS", "INGRESS", "POST_INGRESS", "EGRESS", "TRANSIT")
#: the fields of matches and actions that speaker data has names for.
_FIELDS = {
    *("eth_src", "eth_dst", "eth_type", "vlan_vid", "ip_proto", "udp_src", "udp_dst", "in_port"),
    "metadata",
}

T = TypeVar("T")


class Rule(NamedTuple):
    """One rule of a switch, named as OpenFlow names things."""

    #: signed, as Java writes it.
    cookie: int
    priority: int = 0
    table: int = 0
    #: counters and timeouts, by their names in `COUNTS`.
    counts: Mapping[str, int] | None = None
    #: `in_port`, `vlan_vid` (without OpenFlow's flag), …; a pair is a value and its mask.
    match: Mapping[str, Any] | None = None
    #: actions applied to a packet at once, in order: `("output", 2)`, `("output", "controller")`,
    #: `("push_vlan", 0x8100)`, `("pop_vlan", None)`, `("set_field", ("vlan_vid", 5))`,
    #: `("group", 1)`.
    actions: Sequence[tuple[str, Any]] | None = None
    meter: int | None = None


class Meter(NamedTuple):
    """One meter of a switch; `rate` and `burst` in the unit that `flags` name."""

    id: int
    rate: int
    burst: int
    flags: Sequence[str]


def wants_speaker_data(command: Command) -> bool:
    """Whether the requester of a dump reads speaker data."""
    return command.profile.classes == "2025" and command.kind.endswith(_SPEAKER_DATA)


def rules(command: Command, switch: str, entries: Sequence[Rule]) -> Answer:
    """The rules of a switch."""
    if wants_speaker_data(command):
        return data("Flow", switch, [rule_data(switch, rule) for rule in entries])
    classes = command.profile.classes
    # Readers of these classes expect one message, however large it is.
    size = len(entries) if classes else MAX_RULES_IN_MESSAGE
    parts = [
        {
            "clazz": f"{INFO}.rule.SwitchFlowEntries",
            "switch_id": switch,
            "flows": [_rule_entry(rule, classes) for rule in part],
        }
        for part in _split(entries, size)
    ]
    return Info(parts[0]) if len(parts) == 1 else Chain(parts)


def meters(command: Command, switch: str, entries: Sequence[Meter]) -> Answer:
    """The meters of a switch."""
    if wants_speaker_data(command):
        return data("Meter", switch, [_meter_data(switch, meter) for meter in entries])
    return Info(meter_entries(switch, entries))


# -- entries


def meter_entries(switch: str, entries: Sequence[Meter]) -> Payload:
    """Meters, in one message."""
    return {
        "clazz": f"{INFO}.meter.SwitchMeterEntries",
        "switch_id": switch,
        "meters": [
            {
                "clazz": f"{INFO}.meter.MeterEntry",
                "meter_id": meter.id,
                "rate": meter.rate,
                "burst_size": meter.burst,
                "version": VERSION,
                "flags": meter.flags,
            }
            for meter in entries
        ],
    }


def _rule_entry(rule: Rule, classes: str) -> Payload:
    count = _counter(rule)
    instructions: dict[str, Any] = {}
    if rule.meter is not None:
        instructions["instruction_goto_meter"] = rule.meter
    if rule.actions is not None:
        instructions["apply_actions"] = _actions_entry(rule.actions, classes)
    return {
        "cookie": rule.cookie,
        "table-id": rule.table,
        "priority": rule.priority,
        "version": VERSION,
        **{name.replace("_", "-"): count(name) for name in COUNTS},
        "match": {name: str(value) for name, value in (rule.match or {}).items()},
        "instructions": instructions,
        "flags": [],
    }


def _actions_entry(actions: Sequence[tuple[str, Any]], classes: str) -> Payload:
    shown: dict[str, Any] = {}
    fields = []
    for name, value in actions:
        match name:
            case "set_field":
                fields.append({"key": value[0], "value": str(value[1])})
            case "pop_vlan":
                shown["POP_VLAN"] = "true"
            case "group" if classes != "2025":
                pass  # these classes have no field for this action
            case _:
                shown[name] = str(value)
    if fields and classes == "2025":
        shown["set_field_actions"] = fields
    elif fields:
        shown["set_field"] = fields[-1]
    return shown


# -- speaker data


def data(kind: str, switch: str, pieces: Sequence[Payload]) -> Answer:
    """A chain of pieces of speaker data.

    Args:
        kind: Flow, Meter or Group.
    """
    name = kind.lower()
    return Chain(
        [
            {
                "clazz": f"{INFO}.{name}.{kind}DumpResponse",
                "switch_id": switch,
                f"{name}_speaker_data": part,
            }
            for part in _split(pieces, MAX_PIECES_IN_MESSAGE)
        ]
    )


def rule_data(switch: str, rule: Rule) -> Payload:
    """One rule in the rule manager's form; parts that the form has no names for are left out."""
    count = _counter(rule)
    return {
        **_piece(switch),
        "cookie": rule.cookie,
        "table": _TABLES[rule.table] if rule.table < len(_TABLES) else None,
        "priority": rule.priority,
        "match": [
            _match_data(name, value)
            for name, value in (rule.match or {}).items()
            if name in _FIELDS
        ],
        "instructions": {
            "apply_actions": [
                action for action in map(_action_data, rule.actions or ()) if action is not None
            ],
            "write_actions": None,
            "go_to_meter": rule.meter,
            "go_to_table": None,
            "write_metadata": None,
        },
        "flags": [],
        "duration_seconds": count("duration_sec"),
        "duration_nano_seconds": count("duration_nsec"),
        "packet_count": count("packet_count"),
        "idle_timeout": count("idle_timeout"),
        "hard_timeout": count("hard_timeout"),
        "byte_count": count("byte_count"),
    }


def _meter_data(switch: str, meter: Meter) -> Payload:
    return {
        **_piece(switch),
        "meter_id": meter.id,
        "rate": meter.rate,
        "burst": meter.burst,
        "flags": meter.flags,
        "inaccurate": False,
    }


def _piece(switch: str) -> dict[str, Any]:
    return {"uuid": str(uuid.uuid4()), "switch_id": switch, "depends_on": [], "of_version": VERSION}


def _match_data(name: str, given: Any) -> Payload:
    value, mask = given if isinstance(given, tuple) else (given, None)
    return {
        "field": name.upper(),
        "value": _number(value),
        "mask": None if mask is None else _number(mask),
    }


def _action_data(action: tuple[str, Any]) -> Payload | None:
    match action:
        case "output", port:
            number, name = (port, None) if isinstance(port, int) else (0, str(port).upper())
            out = {"port_number": number, "port_type": name}
            return {"clazz": f"{_ACTION}.PortOutAction", "port_number": out}
        case "push_vlan", _:
            return {"clazz": f"{_ACTION}.PushVlanAction"}
        case "pop_vlan", _:
            return {"clazz": f"{_ACTION}.PopVlanAction"}
        case "group", number:
            return {"clazz": f"{_ACTION}.GroupAction", "group_id": number}
        case "set_field", (name, value) if name in _FIELDS:
            field = {"field": name.upper(), "value": _number(value)}
            return {"clazz": f"{_ACTION}.SetFieldAction", **field}
    return None


def _number(value: Any) -> int:
    """A value of a match as a number; in OpenFlow, addresses are text."""
    return signed(value if isinstance(value, int) else int(value.replace(":", ""), 16))


# -- both


def _counter(rule: Rule) -> Callable[[str], int]:
    counts = rule.counts or {}
    return lambda name: signed(counts.get(name, 0))


def _split(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Parts of at most `size` items; one empty part if there are no items."""
    return [items[at : at + size] for at in range(0, len(items), size or 1)] or [[]]
