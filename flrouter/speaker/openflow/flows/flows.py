"""Flow commands as rules: what the rule of each kind matches, and what it does with a packet."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.switches.wire import DESC, messages, of

#: OpenKilda's priorities: a rule for one VLAN of a port precedes a rule for the whole port.
PRIORITY = 0x6000
PORT_PRIORITY = PRIORITY - 1

_TAG = 0x8100  # the ethertype of a VLAN tag
_ALL_BITS = (1 << 64) - 1

PortNumber = Annotated[int, msgspec.Meta(ge=1, lt=of.OFPP_MAX)]
#: 0 stands for no tag.
VlanId = Annotated[int, msgspec.Meta(ge=0, le=4095)]
#: a Java long: half of all cookies are written as negative numbers.
Cookie = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Word = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
#: 0 stands for no meter; numbers above OFPM_MAX stand for groups such as all meters of a switch.
_MeterId = Annotated[int, msgspec.Meta(ge=0, le=of.OFPM_MAX)]


class VlanAction(StrEnum):
    """What happens to a packet's VLAN tag at an end of a flow."""

    PUSH = "PUSH"
    POP = "POP"
    REPLACE = "REPLACE"
    NONE = "NONE"


class _Flow(msgspec.Struct, kw_only=True):
    cookie: Cookie
    input_port: PortNumber
    output_port: PortNumber
    input_vlan_id: VlanId = 0
    output_vlan_id: VlanId = 0
    output_vlan_type: VlanAction = VlanAction.NONE
    bandwidth: _Word = 0
    meter_id: _MeterId | None = None


class _Part(_Flow, kw_only=True):
    """The part of a flow at one of its several switches."""

    transit_vlan_id: VlanId


class Criteria(msgspec.Struct):
    """Which rules to delete; a field that is None matches every rule."""

    cookie: Cookie | None = None
    in_port: PortNumber | None = None
    in_vlan: VlanId | None = None
    out_port: PortNumber | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | None = None


class _Removal(msgspec.Struct):
    cookie: Cookie
    meter_id: _MeterId | None = None
    criteria: dict[str, Any] | None = None


class Meter(NamedTuple):
    """A limit on a flow's traffic."""

    id: int
    rate_kbps: int


class Rule(NamedTuple):
    """One rule of a switch's table 0."""

    cookie: int
    in_port: int
    #: the VLAN tag that a packet must have; 0: the rule matches every packet of the port.
    vlan: int
    #: what happens to the packet's tag.
    change: VlanAction
    new_vlan: int
    out_port: int
    meter: Meter | None = None


def rule_of(kind: str, payload: Mapping[str, Any]) -> Rule:
    """The rule that an Install*Flow command asks for.

    Args:
        kind: the last part of the payload's class.

    Raises:
        CommandFailed: there is no such kind (NOT_IMPLEMENTED), or its fields are not valid
            (DATA_INVALID).
    """
    match kind:
        case "InstallIngressFlow":
            flow = _read(kind, payload, _Part)
            # A tag that POP or REPLACE removes is replaced by the transit tag.
            tagged = flow.output_vlan_type in (VlanAction.POP, VlanAction.REPLACE)
            change = VlanAction.REPLACE if tagged else VlanAction.PUSH
            return _rule(flow, flow.input_vlan_id, change, flow.transit_vlan_id, _meter(flow))
        case "InstallTransitFlow":
            flow = _read(kind, payload, _Part)
            return _rule(flow, flow.transit_vlan_id, VlanAction.NONE, 0)
        case "InstallEgressFlow":
            flow = _read(kind, payload, _Part)
            tagged = flow.output_vlan_type in (VlanAction.PUSH, VlanAction.REPLACE)
            change = VlanAction.REPLACE if tagged else VlanAction.POP
            return _rule(flow, flow.transit_vlan_id, change, flow.output_vlan_id)
        case "InstallOneSwitchFlow":
            flow = _read(kind, payload, _Flow)
            change = flow.output_vlan_type
            return _rule(flow, flow.input_vlan_id, change, flow.output_vlan_id, _meter(flow))
    raise not_implemented(kind)


def not_implemented(kind: str) -> CommandFailed:
    """The error for a command of a kind that this FL does not know."""
    return CommandFailed(
        ErrorType.NOT_IMPLEMENTED, f"{kind} is not implemented", "see docs/openflow.md for what is"
    )


#: what identifies a rule in its table: its priority and its match.
Key: TypeAlias = tuple[int, frozenset[tuple[str, Any]]]


def key(rule: Rule) -> Key:
    """The key of a rule: a rule replaces the one with the same key."""
    return _priority(rule), frozenset(_match(rule.in_port, rule.vlan).items())


def add(rule: Rule) -> Any:
    """The message that adds a rule; one with the same match and priority is replaced."""
    instructions = []
    if rule.meter is not None:
        instructions.append(messages.OFPInstructionMeter(rule.meter.id))
    actions: list[Any] = []
    match rule.change:
        case VlanAction.PUSH:
            actions = [messages.OFPActionPushVlan(_TAG), _set_vlan(rule.new_vlan)]
        case VlanAction.REPLACE:
            actions = [_set_vlan(rule.new_vlan)]
        case VlanAction.POP:
            actions = [messages.OFPActionPopVlan()]
    # To send a packet back out of the port it came from, OpenFlow requires IN_PORT.
    out = of.OFPP_IN_PORT if rule.out_port == rule.in_port else rule.out_port
    actions.append(messages.OFPActionOutput(out))
    instructions.append(messages.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS, actions))
    return messages.OFPFlowMod(
        DESC,
        cookie=rule.cookie & _ALL_BITS,
        command=of.OFPFC_ADD,
        priority=_priority(rule),
        match=_match(rule.in_port, rule.vlan),
        instructions=instructions,
    )


def take_back(rule: Rule) -> Any:
    """The message that deletes exactly this rule."""
    return messages.OFPFlowMod(
        DESC,
        cookie=rule.cookie & _ALL_BITS,
        cookie_mask=_ALL_BITS,
        command=of.OFPFC_DELETE_STRICT,
        priority=_priority(rule),
        out_port=of.OFPP_ANY,
        out_group=of.OFPG_ANY,
        match=_match(rule.in_port, rule.vlan),
    )


def removal(kind: str, payload: Mapping[str, Any]) -> tuple[Any, int | None]:
    """The message that a RemoveFlow command asks for, and the meter that goes with the rule.

    Raises:
        CommandFailed: its fields are not what they should be (DATA_INVALID).
    """
    wanted = _read(kind, payload, _Removal)
    criteria = criteria_of(kind, {**(wanted.criteria or {}), "cookie": wanted.cookie})
    return delete(criteria), wanted.meter_id


def criteria_of(kind: str, given: Mapping[str, Any]) -> Criteria:
    """The criteria of a command that deletes rules.

    Raises:
        CommandFailed: a field is not valid, or is unknown and might have spared rules
            (DATA_INVALID); or there are no criteria, so that all rules would be deleted
            (PARAMETERS_INVALID).
    """
    criteria: Criteria = _read(kind, given, Criteria)
    unknown = [
        name
        for name, value in given.items()
        if value is not None and name not in Criteria.__struct_fields__
    ]
    if unknown:
        raise CommandFailed(
            ErrorType.DATA_INVALID,
            f"{kind} has criteria that are not known: {', '.join(map(repr, unknown))}",
            f"known are {', '.join(Criteria.__struct_fields__)}",
        )
    if msgspec.structs.replace(criteria, in_vlan=criteria.in_vlan or None) == Criteria():
        raise CommandFailed(
            ErrorType.PARAMETERS_INVALID,
            f"{kind} has criteria that name no rule",
            "to delete all rules give no criteria, and delete_rules",
        )
    return criteria


def delete(criteria: Criteria) -> Any:
    """The message that deletes all matching rules, of any priority if none is given."""
    strict = criteria.priority is not None
    return messages.OFPFlowMod(
        DESC,
        cookie=(criteria.cookie or 0) & _ALL_BITS,
        cookie_mask=0 if criteria.cookie is None else _ALL_BITS,
        table_id=of.OFPTT_ALL,
        command=of.OFPFC_DELETE_STRICT if strict else of.OFPFC_DELETE,
        priority=criteria.priority or 0,
        out_port=criteria.out_port or of.OFPP_ANY,
        out_group=of.OFPG_ANY,
        match=_match(criteria.in_port, criteria.in_vlan or 0),
    )


def _read(kind: str, payload: Mapping[str, Any], type_: type[Any]) -> Any:
    try:
        return msgspec.convert(payload, type_, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailed(
            ErrorType.DATA_INVALID, f"{kind} cannot be read: {error}", "send it with that put right"
        ) from error


def _rule(
    flow: _Flow, vlan: int, change: VlanAction, new_vlan: int, meter: Meter | None = None
) -> Rule:
    return Rule(flow.cookie, flow.input_port, vlan, change, new_vlan, flow.output_port, meter)


def _meter(flow: _Flow) -> Meter | None:
    # Without a bandwidth there is no limit, and OpenFlow numbers meters from 1.
    return Meter(flow.meter_id, flow.bandwidth) if flow.meter_id and flow.bandwidth else None


def _priority(rule: Rule) -> int:
    return PRIORITY if rule.vlan else PORT_PRIORITY


def _match(in_port: int | None, vlan: int) -> Any:
    fields: dict[str, int] = {}
    if in_port is not None:
        fields["in_port"] = in_port
    if vlan:
        fields["vlan_vid"] = vlan | of.OFPVID_PRESENT
    return messages.OFPMatch(**fields)


def _set_vlan(vlan: int) -> Any:
    return messages.OFPActionSetField(vlan_vid=vlan | of.OFPVID_PRESENT)
