"""The envelope: the one decoding of a message, with all that routing has to know.

There are two forms: with a payload, and OpenKilda's `AbstractMessage`, which is its own payload.

A message is decoded once, and its original bytes are sent on: unknown fields and the payload arrive
byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from flrouter.messages import members


class Payload(msgspec.Struct, gc=False):
    """The fields of a payload that some rule reads; all are optional."""

    clazz: str = ""
    switch_id: Any = None
    #: OpenKilda's other spelling of it.
    hyphened_id: Any = msgspec.field(default=None, name="switch-id")
    #: switch events: ACTIVATED, ADDED, …; also other kinds' own states.
    state: Any = None
    #: alive responses: failed writes to Kafka since the last response that arrived.
    failed_messages: Any = None
    #: switches in a dump: which dump, and whether the FL is the switch's master.
    dump_id: Any = None
    write_mode: Any = None
    #: alive messages and markers: ms since the epoch, by the sender's clock.
    timestamp: Any = None

    @property
    def switch(self) -> Any:
        """What stands in the usual place of a switch id (protocol.md, 2.4)."""
        return self.switch_id if self.switch_id is not None else self.hyphened_id


class Envelope(msgspec.Struct, gc=False):
    """The top level of a message (protocol.md, 2.1)."""

    clazz: str
    #: of an `AbstractMessage`, the message itself.
    payload: Payload | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    timestamp: Any = None
    message_id: str | None = None
    total_messages: int | None = None
    next_request_id: str | None = None
    #: an object in an `AbstractMessage`: its correlation id stands there.
    message_context: Any = None

    @property
    def kind(self) -> str:
        """The payload's full class name; empty if there is none."""
        return self.payload.clazz if self.payload is not None else ""

    @property
    def form(self) -> Form | None:
        """What the message is; None: nothing that the protocol knows."""
        if not isinstance(self.message_context, dict):
            return form_of(self.clazz)
        return Form.CHUNK if self.total_messages is not None else Form.ABSTRACT

    @property
    def root(self) -> tuple[str, ...]:
        """The way from the top of the message to its payload."""
        return () if isinstance(self.message_context, dict) else ("payload",)


class Form(Enum):
    """What a message is (protocol.md, 2.2), by the end of its `clazz` or its `message_context`."""

    COMMAND = ".command.CommandMessage"
    COMMAND_WITH_REPLY = ".command.CommandWithReplyToMessage"
    INFO = ".info.InfoMessage"
    CHUNK = ".info.ChunkedInfoMessage"
    ERROR = ".error.ErrorMessage"
    #: from a requester a command, from an FL an answer.
    ABSTRACT = ".AbstractMessage"


#: what requesters send.
COMMANDS = (Form.COMMAND, Form.COMMAND_WITH_REPLY, Form.ABSTRACT)
_FORMS: dict[str, Form] = {}


def form_of(clazz: str) -> Form | None:
    """The form of envelope class `clazz`; None for any other class (protocol.md, 2.2)."""
    known = _FORMS.get(clazz)
    if known is None:
        dotted = f".{clazz}"
        known = next((form for form in Form if dotted.endswith(form.value)), None)
        if known is not None and len(_FORMS) < 1000 and len(clazz) <= 200:  # from outside: bounded
            _FORMS[clazz] = known
    return known


class Unreadable(ValueError):
    """The bytes are no message; the text says where and why."""


_decoder = msgspec.json.Decoder(Envelope)
_payload = msgspec.json.Decoder(Payload)
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _decode_deeper(calls: int, data: bytes) -> None:
    """Decode `data` so many calls deeper in the stack; RecursionError: that is too deep."""
    if calls:
        _decode_deeper(calls - 1, data)
    else:
        members.decode(_top_level, data)


def _decode_halves(data: bytes) -> Envelope:
    """The envelope of a message that has half a surrogate pair somewhere."""
    envelope = _decoder.decode(members.readable(data))
    _refuse_half(envelope.correlation_id, data, lambda other: other.correlation_id)
    return envelope


def _own_payload(envelope: Envelope, data: bytes) -> Envelope:
    """The envelope of an `AbstractMessage`."""
    correlation_id = envelope.message_context.get("correlation_id")
    if correlation_id is not None and not isinstance(correlation_id, str):
        raise Unreadable("message_context.correlation_id is no text")
    if members.may_have_halves(data):
        _refuse_half(correlation_id, data, lambda other: other.message_context["correlation_id"])
    envelope.payload = members.decode(_payload, data)
    envelope.correlation_id = correlation_id
    return envelope


def _refuse_half(
    correlation_id: str | None, data: bytes, id_of: Callable[[Envelope], str | None]
) -> None:
    """Refuse an id with half a surrogate pair. It was read as U+FFFD, which an id may also have.

    Raises:
        Unreadable: it has half a pair.
    """
    if "\ufffd" in (correlation_id or ""):
        other = _decoder.decode(members.readable(data, instead=rb"\ufffc"))
        if id_of(other) != correlation_id:
            raise Unreadable("correlation_id has half a surrogate pair: no Kafka key can hold it")


def decode(data: bytes) -> Envelope:
    """Read a message's envelope (protocol.md, 2.1, 2.2 and 2.5).

    Raises:
        Unreadable: it is not UTF-8, not JSON, not an object, nested hundreds of levels deep, has a
            field of the wrong type, or half a surrogate pair in an id, which no Kafka key can hold.
    """
    try:
        if not data.isascii():
            data.decode()  # msgspec does not check strings that it skips
        try:
            envelope = _decoder.decode(data)
        except msgspec.MsgspecError:
            if not members.may_have_halves(data):
                raise
            envelope = _decode_halves(data)
        if envelope.message_context is not None:
            if envelope.payload is not None or not isinstance(envelope.message_context, dict):
                envelope.message_context = None  # a field that the protocol does not know
            else:
                envelope = _own_payload(envelope, data)
        if len(data) > 500 and data.count(b"[") + data.count(b"{") > 500:
            _decode_deeper(100, data)  # the next reader may be deeper in the stack
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    return envelope
