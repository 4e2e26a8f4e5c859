"""The answers that a handler may give, and the messages that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from flrouter.messages import members, names
from flrouter.messages.envelope import Form
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms import build, error_forms
from flrouter.messages.forms.error_forms import ErrorForm
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.speaker.command import Command
from flrouter.speaker.requests import Message

#: a payload: its `clazz` and its other fields. It may contain structs and `msgspec.Raw`.
Payload: TypeAlias = Mapping[str, Any]


class CommandFailed(Exception):
    """Raised by a handler to answer a command by an error, in the form that its requester reads."""

    def __init__(self, kind: ErrorType, message: str, description: str = "") -> None:
        """Args:
        message: one line that says what went wrong.
        description: what to do about it.
        """
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.description = description


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out.

    The answer is the command itself, as flow commands are answered. If the profile names another
    form, the answer is a SpeakerCommandResponse or a SpeakerFlowSegmentResponse.
    """


@dataclass(frozen=True, slots=True)
class Info:
    """One InfoMessage, or one SpeakerDataResponse if the profile says so."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class Each:
    """Several InfoMessages under the command's correlation id, as ports commands are answered.

    They are no chain: nothing tells the requester which message is the last.
    """

    payloads: Sequence[Payload]


@dataclass(frozen=True, slots=True)
class Chain:
    """One answer in several messages; without payloads, an explicit empty chain."""

    payloads: Sequence[Payload]


@dataclass(frozen=True, slots=True)
class Written:
    """A whole message that the handler wrote itself; it is sent unchanged."""

    data: bytes


Answer: TypeAlias = Done | Info | Each | Chain | Written

DONE = Done()


def done(command: Command, now: int) -> bytes:
    """The answer to a command that was carried out: the command itself, or a response of its form.

    Raises:
        CommandFailed: the command lacks a field that the response must repeat.
    """
    if command.envelope.form is Form.COMMAND:
        return command.data
    if command.envelope.form is not Form.ABSTRACT:
        parts = members.members(command.data)
        parts["clazz"] = msgspec.json.encode(names.COMMAND)
        parts.pop("reply_to", None)  # it asked for an answer, and this is it
        return members.joined(parts)
    draft = error_forms.draft(command.form, command.data)
    if not draft or command.form is ErrorForm.SPEAKER_DATA:
        raise CommandFailed(
            ErrorType.DATA_INVALID,
            f"the requester of {command.kind} could read no answer that says so",
            "send command_id and switch_id with it, by a profile that names a form for its kind",
        )
    return error_forms.succeeded(draft, command.correlation_id, now)


def error(command: Command, failed: CommandFailed, now: int) -> Message:
    """The error for a command that failed, in the form that its requester reads."""
    draft = error_forms.draft(command.form, command.data)
    return Message(
        command.key,
        error_forms.finished(
            draft, command.correlation_id, failed.kind, failed.message, failed.description, now
        ),
    )


def messages(command: Command, answer: Answer, region: str, now: int) -> list[Message]:
    """The records that carry `answer`, in order.

    They name the FL's `region` and the time `now` (ms since the epoch).

    Raises:
        TypeError: `answer` is no answer, or holds a value that JSON cannot.
        CommandFailed: the requester could not read the answer.
    """
    key, cid = command.key, command.correlation_id
    as_data = command.form is ErrorForm.SPEAKER_DATA
    match answer:
        case Done():
            return [Message(key, done(command, now))]
        case Info(payload) if as_data:
            return [Message(key, error_forms.data(payload, cid, now))]
        case Info(payload):
            return [Message(key, info(payload, cid, region, now))]
        case Each(payloads):
            return [
                Message(_key_of(payload, key), info(payload, cid, region, now))
                for payload in payloads
            ]
        case Chain(payloads):
            count = len(payloads)
            links: list[dict[str, Any] | None] = [*map(dict, payloads)] or [None]
            return [
                Message(key, error_forms.data_chunk(payload, cid, index, count, now))
                if as_data
                else Message(key, build.chunk(payload, cid, index, count, now, region=region))
                for index, payload in enumerate(links)
            ]
        case Written(data):
            return [Message(key, data)]
    raise TypeError(f"{answer!r} is no answer: expected one of {Answer}")


def info(payload: Payload, correlation_id: str, region: str, now: int) -> bytes:
    """An InfoMessage."""
    return build.message(names.INFO, dict(payload), correlation_id, now, region=region)


def _key_of(payload: Payload, otherwise: bytes) -> bytes:
    try:
        return canonical(payload.get("switch_id", payload.get("switch-id"))).encode()
    except BadSwitchId:
        return otherwise
