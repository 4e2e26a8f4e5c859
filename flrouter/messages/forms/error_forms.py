"""Answers in the forms of requesters who speak `AbstractMessage` and read no `ErrorMessage`.

A command is not kept once its FL has it. So a *draft* of its error is: all that is known before it
fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from flrouter.messages import members
from flrouter.messages.errors import ErrorType, error_data
from flrouter.messages.forms import build

_API = "org.openkilda.floodlight"
_COMMAND_RESPONSE = f"{_API}.api.response.rulemanager.SpeakerCommandResponse"
_FLOW_RESPONSE = f"{_API}.flow.response.FlowErrorResponse"
_SEGMENT_RESPONSE = f"{_API}.api.response.SpeakerFlowSegmentResponse"
_DATA_RESPONSE = f"{_API}.api.response.SpeakerDataResponse"
_DATA_CHUNK = f"{_API}.api.response.ChunkedSpeakerDataResponse"

#: the codes of a FlowErrorResponse; all other errors are UNKNOWN.
_FLOW_CODES = {
    ErrorType.NOT_FOUND: "SWITCH_UNAVAILABLE",
    ErrorType.OPERATION_TIMED_OUT: "OPERATION_TIMED_OUT",
    ErrorType.NOT_IMPLEMENTED: "UNSUPPORTED",
    ErrorType.REQUEST_INVALID: "BAD_COMMAND",
    ErrorType.PARAMETERS_INVALID: "BAD_COMMAND",
    ErrorType.DATA_INVALID: "BAD_COMMAND",
}


class ErrorForm(Enum):
    """How the requester of a command is told that it failed."""

    ERROR_MESSAGE = "error-message"
    #: a SpeakerCommandResponse that says that each part of the command failed.
    SPEAKER_COMMAND = "speaker-command"
    #: a FlowErrorResponse.
    FLOW_ERROR = "flow-error"
    #: a SpeakerDataResponse with an ErrorData.
    SPEAKER_DATA = "speaker-data"


class _Data(msgspec.Struct):
    uuid: str


class _Part(msgspec.Struct):
    data: _Data


class _Endpoint(msgspec.Struct):
    switch_id: str = ""


class _Command(msgspec.Struct):
    """What an answer repeats of its command."""

    command_id: str = ""
    switch_id: str = ""
    endpoint: _Endpoint | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"null")
    command_data: list[_Part] = []

    @property
    def switch(self) -> str:
        return self.switch_id or (self.endpoint.switch_id if self.endpoint is not None else "")


_decoder = msgspec.json.Decoder(_Command)


def draft(form: ErrorForm, data: bytes) -> bytes:
    """The error to a command, without its id, its time and the reason.

    Args:
        form: as the catalog says.

    Returns:
        Empty if it is to be an `ErrorMessage`, or if the command lacks what the answer must repeat.
    """
    if form is ErrorForm.ERROR_MESSAGE:
        return b""
    if form is ErrorForm.SPEAKER_DATA:
        return msgspec.json.encode({"clazz": _DATA_RESPONSE})
    try:
        command = members.decode(_decoder, data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    if not (command.command_id and command.switch):
        return b""
    if form is ErrorForm.FLOW_ERROR and bytes(command.metadata) == b"null":
        return b""
    answer: dict[str, Any] = {
        "clazz": _COMMAND_RESPONSE,
        "command_id": command.command_id,
        "switch_id": command.switch,
        "success": False,
    }
    if form is ErrorForm.SPEAKER_COMMAND:
        ids = (part.data.uuid for part in command.command_data)
        answer["failed_command_ids"] = dict.fromkeys(ids, "")
    else:
        answer |= {"clazz": _FLOW_RESPONSE, "metadata": command.metadata}
    return msgspec.json.encode(answer)


def finished(
    draft: bytes, correlation_id: str, kind: ErrorType, message: str, description: str, now: int
) -> bytes:
    """The error that a requester gets.

    Args:
        draft: as :func:`draft` made it.
        now: ms since the epoch.
    """
    if not draft:
        return build.error(correlation_id, kind, message, description, now)
    answer: dict[str, Any] = msgspec.json.decode(draft)
    answer["message_context"] = _context(correlation_id, now)
    text = f"{message}. {description}"
    if answer["clazz"] == _COMMAND_RESPONSE:
        answer["failed_command_ids"] = dict.fromkeys(answer["failed_command_ids"], text)
    elif answer["clazz"] == _FLOW_RESPONSE:
        answer |= {"error_code": _FLOW_CODES.get(kind, "UNKNOWN"), "description": text}
    else:
        answer["data"] = error_data(kind, message, description)
    return msgspec.json.encode(answer)


def succeeded(draft: bytes, correlation_id: str, now: int) -> bytes:
    """The answer to a command that was carried out.

    Args:
        draft: as :func:`draft` made it, for a command that changes something.
        now: ms since the epoch.
    """
    answer: dict[str, Any] = msgspec.json.decode(draft)
    answer |= {"message_context": _context(correlation_id, now), "success": True}
    if answer["clazz"] == _COMMAND_RESPONSE:
        answer["failed_command_ids"] = {}
    else:
        answer["clazz"] = _SEGMENT_RESPONSE
    return msgspec.json.encode(answer)


def data(payload: Mapping[str, Any], correlation_id: str, now: int) -> bytes:
    """What a requester asked for, in one message; `now` in ms since the epoch, here and below."""
    return _abstract(_DATA_RESPONSE, correlation_id, now, data=payload)


def data_chunk(
    payload: Mapping[str, Any] | None, correlation_id: str, index: int, total: int, now: int
) -> bytes:
    """One of several messages with what a requester asked for; `total` 0: there is nothing."""
    place = {"message_id": f"{index} : {correlation_id}", "total_messages": total}
    return _abstract(_DATA_CHUNK, correlation_id, now, **place, data=payload)


def _abstract(clazz: str, correlation_id: str, now: int, **fields: Any) -> bytes:
    context = _context(correlation_id, now)
    return msgspec.json.encode({"clazz": clazz, "message_context": context, **fields})


def _context(correlation_id: str, now: int) -> dict[str, Any]:
    return {"correlation_id": correlation_id, "create_time": now}
