"""A command as the FL sees it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from flrouter import profiles
from flrouter.messages import catalog, correlation, members, trace
from flrouter.messages.envelope import Envelope, Unreadable
from flrouter.messages.switch_id import BadSwitchId

# Only to find where a kind keeps its switch id; answers go to the write topic, whatever the kind.
_catalog = profiles.load("plain").catalog({})


class _Payload(msgspec.Struct):
    payload: dict[str, Any] | None = None


_payload = msgspec.json.Decoder(_Payload)


class Command:
    """One command, decoded once."""

    __slots__ = (
        "correlation_id",
        "data",
        "envelope",
        "key",
        "kind",
        "partition",
        "switch",
        "timestamp",
        "traceparent",
    )

    def __init__(
        self,
        envelope: Envelope,
        data: bytes,
        partition: int,
        timestamp: int,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> None:
        """Args:
        envelope: what :func:`flrouter.messages.envelope.decode` made of `data`.
        data: the message's bytes.
        partition: where it was read, and where its answer belongs.
        timestamp: the Kafka record's, in ms since the epoch.
        headers: the Kafka record's.

        Raises:
            Unreadable: it is nested too deeply to find out what it is about.
        """
        self.envelope = envelope
        #: the payload's full class name.
        self.kind = envelope.kind
        self.partition = partition
        self.timestamp = timestamp
        #: the W3C's trace context for what is done for this command, and for its answer.
        self.traceparent = trace.found_in(headers) if headers else b""
        if envelope.correlation_id:
            #: never empty: a command without one is given one.
            self.correlation_id = envelope.correlation_id
            self.data = data
        else:
            self.correlation_id = str(uuid.uuid4())
            self.data = _given(data, self.correlation_id)
        #: the canonical id of the switch that it is for; None when it names none, or a bad one.
        self.switch = _switch_of(envelope, data)
        #: the key of the records that answer it.
        self.key = (self.switch or self.correlation_id).encode()

    @property
    def payload(self) -> dict[str, Any]:
        """The whole payload, decoded anew at each use."""
        return members.decode(_payload, self.data).payload or {}

    def __repr__(self) -> str:
        return f"<Command {self.kind} {self.correlation_id} for {self.switch}>"


def _given(data: bytes, correlation_id: str) -> bytes:
    try:
        return correlation.with_correlation_id(data, correlation_id)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _switch_of(envelope: Envelope, data: bytes) -> str | None:
    if envelope.payload is None:
        return None
    try:
        if envelope.payload.switch is None:
            entry = _catalog.command(envelope.payload.clazz)
            if entry.scope is not catalog.Scope.SWITCH:
                return None
        return _catalog.switch_of(envelope, data)
    except BadSwitchId:
        return None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable(str(error)) from error
