"""What a switch refuses, as the ErrorMessage that the requester gets."""

from __future__ import annotations

from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.switches.connection import Disconnected, Refused, Silent
from flrouter.speaker.openflow.switches.wire import Unreadable, of

#: by OpenFlow's type and code; those not named here are looked up in `_TYPES`.
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
_NAMES = {
    value: name
    for name, value in vars(of).items()
    if name.startswith("OFPET_") and isinstance(value, int)
}
#: the prefix of the names of each type's codes.
_PREFIXES = {
    of.OFPET_BAD_REQUEST: "OFPBRC_",
    of.OFPET_BAD_ACTION: "OFPBAC_",
    of.OFPET_BAD_INSTRUCTION: "OFPBIC_",
    of.OFPET_BAD_MATCH: "OFPBMC_",
    of.OFPET_FLOW_MOD_FAILED: "OFPFMFC_",
    of.OFPET_METER_MOD_FAILED: "OFPMMFC_",
    of.OFPET_ROLE_REQUEST_FAILED: "OFPRRFC_",
}


def refusal(error: Any, action: str, otherwise: ErrorType) -> CommandFailed:
    """The failure of a command whose message the switch refused.

    Args:
        error: os-ken's OFPErrorMsg.
        what: the switch, and what it was asked for.
        otherwise: what an error is that says no more than that it did not work: a full table.
    """
    kind = _CODES.get((error.type, error.code)) or _TYPES.get(error.type, otherwise)
    return CommandFailed(kind, f"{action} is refused: {name(error)}", "the switch's own words")


def name(error: Any) -> str:
    """OpenFlow's names of an error: `OFPET_FLOW_MOD_FAILED OFPFMFC_TABLE_FULL`."""
    prefix = _PREFIXES.get(error.type)
    codes = [
        code
        for code, value in vars(of).items()
        if prefix and code.startswith(prefix) and value == error.code
    ]
    return f"{_NAMES.get(error.type, error.type)} {codes[0] if codes else error.code}"


def unknown_outcome(error: Exception, switch: str) -> CommandFailed:
    """The failure of a command of which the switch did not say whether it was carried out.

    Args:
        error: one of `UNANSWERED`.
    """
    described = "whether it was carried out is not known: look at its rules, or send it again"
    if isinstance(error, Silent):
        return CommandFailed(
            ErrorType.OPERATION_TIMED_OUT, f"switch {switch} does not answer: {error}", described
        )
    if isinstance(error, Disconnected):
        return CommandFailed(
            ErrorType.NOT_FOUND, f"switch {switch} has gone before it confirmed", described
        )
    return CommandFailed(
        ErrorType.INTERNAL_ERROR, f"switch {switch} does not confirm: {error}", described
    )


def not_answered(error: Exception, switch: str) -> CommandFailed:
    """The failure of a command that only asks, and got no answer.

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
