"""Refusals of a switch, as the errors that the requester gets."""

from __future__ import annotations

from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.switches.connection import Disconnected, Refused, Silent
from flrouter.speaker.openflow.switches.wire import Unreadable, of

#: by OpenFlow's type and code; all other codes are covered by `_TYPES`.
_CODES = {
    (of.OFPET_BAD_REQUEST, of.OFPBRC_IS_SLAVE): ErrorType.AUTH_FAILED,
    (of.OFPET_BAD_REQUEST, of.OFPBRC_EPERM): ErrorType.AUTH_FAILED,
    (of.OFPET_BAD_REQUEST, of.OFPBRC_BAD_PORT): ErrorType.NOT_FOUND,
    (of.OFPET_BAD_ACTION, of.OFPBAC_BAD_OUT_PORT): ErrorType.NOT_FOUND,
    (of.OFPET_BAD_ACTION, of.OFPBAC_EPERM): ErrorType.AUTH_FAILED,
    (of.OFPET_BAD_INSTRUCTION, of.OFPBIC_EPERM): ErrorType.AUTH_FAILED,
    (of.OFPET_FLOW_MOD_FAILED, of.OFPFMFC_OVERLAP): ErrorType.ALREADY_EXISTS,
    (of.OFPET_FLOW_MOD_FAILED, of.OFPFMFC_EPERM): ErrorType.AUTH_FAILED,
    (of.OFPET_FLOW_MOD_FAILED, of.OFPFMFC_BAD_TABLE_ID): ErrorType.PARAMETERS_INVALID,
    (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_METER_EXISTS): ErrorType.ALREADY_EXISTS,
    (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_UNKNOWN_METER): ErrorType.NOT_FOUND,
    (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_INVALID_METER): ErrorType.PARAMETERS_INVALID,
    (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_BAD_RATE): ErrorType.PARAMETERS_INVALID,
    (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_BAD_BURST): ErrorType.PARAMETERS_INVALID,
}
_TYPES = {
    of.OFPET_BAD_REQUEST: ErrorType.NOT_IMPLEMENTED,
    of.OFPET_BAD_ACTION: ErrorType.PARAMETERS_INVALID,
    of.OFPET_BAD_INSTRUCTION: ErrorType.PARAMETERS_INVALID,
    of.OFPET_BAD_MATCH: ErrorType.PARAMETERS_INVALID,
}


def refusal(error: Any, action: str, otherwise: ErrorType) -> CommandFailed:
    """The error for a command whose message the switch refused.

    Args:
        error: os-ken's OFPErrorMsg.
        action: what was requested, and from which switch.
        otherwise: the type for errors that only say that the action failed, such as a full table.
    """
    kind = _CODES.get((error.type, error.code)) or _TYPES.get(error.type, otherwise)
    type_name = of.ofp_error_type_to_str(error.type)
    name = f"{type_name} {of.ofp_error_code_to_str(error.type, error.code)}"
    return CommandFailed(kind, f"{action} is refused: {name}", "the switch's own words")


def unknown_outcome(error: Exception, switch: str) -> CommandFailed:
    """The error for a command of which it is not known whether the switch carried it out.

    Args:
        error: one of `UNANSWERED`.
    """
    match error:
        case Silent():
            kind, text = ErrorType.OPERATION_TIMED_OUT, f"does not answer: {error}"
        case Disconnected():
            kind, text = ErrorType.NOT_FOUND, "has gone before it confirmed"
        case _:
            kind, text = ErrorType.INTERNAL_ERROR, f"does not confirm: {error}"
    advice = "whether it was carried out is not known: look at its rules, or send it again"
    return CommandFailed(kind, f"switch {switch} {text}", advice)


def not_answered(error: Exception, switch: str) -> CommandFailed:
    """The error for a command that only reads, and got no answer.

    Args:
        error: one of `UNANSWERED`.
    """
    if isinstance(error, Refused):
        action = f"a request to switch {switch}"
        return refusal(error.error, action, ErrorType.INTERNAL_ERROR)
    if isinstance(error, Unreadable):
        return CommandFailed(
            ErrorType.INTERNAL_ERROR, f"switch {switch} answers {error}", "look at the switch"
        )
    return unknown_outcome(error, switch)
