"""A command as the FL sees it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from flrouter import profiles
from flrouter.messages import correlation, members, trace
from flrouter.messages.envelope import Envelope, Unreadable
from flrouter.messages.kinds import catalog
from flrouter.messages.kinds.places import switch_of

_PLAIN = profiles.load("plain")


class _Payload(msgspec.Struct):
    payload: dict[str, Any] | None = None


_payload = msgspec.json.Decoder(_Payload)
_whole = msgspec.json.Decoder(dict[str, Any])


class Command:
    """One command, decoded once."""

    def __init__(
        self,
        envelope: Envelope,
        data: bytes,
        partition: int,
        timestamp: int,
        headers: Sequence[tuple[str, bytes | None]] = (),
        profile: profiles.Profile = _PLAIN,
    ) -> None:
        """Args:
        envelope: what :func:`flrouter.messages.envelope.decode` made of `data`.
        data: the message's bytes.
        partition: the command was read from it, and its answer is written to it.
        timestamp: the Kafka record's, in ms since the epoch.
        headers: the Kafka record's.
        profile: of those who read the answer.

        Raises:
            Unreadable: the message is nested too deeply to find its switch.
        """
        self.envelope = envelope
        #: the payload's full class name.
        self.kind = envelope.kind
        self.profile = profile
        #: what the profile knows of commands of this kind.
        self.entry = profile.kinds.command(self.kind)
        #: the form in which the requester reads an error.
        self.form = self.entry.error
        self.partition = partition
        self.timestamp = timestamp
        #: the W3C trace context for all work on this command, and for its answer.
        self.traceparent = trace.found_in(headers) if headers else b""
        self.data = data
        #: never empty: a command without one gets a new one.
        self.correlation_id = envelope.correlation_id or str(uuid.uuid4())
        try:
            if not envelope.correlation_id:
                self.data = correlation.with_correlation_id(data, self.correlation_id)
            #: canonical id of the command's switch; None if it names none, or a malformed one.
            self.switch = self._switch_of(data)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(str(error)) from error
        #: the key of the records that answer it.
        self.key = (self.switch or self.correlation_id).encode()

    @property
    def payload(self) -> dict[str, Any]:
        """The whole payload, decoded anew at each use. An `AbstractMessage` is its own payload."""
        if not self.envelope.root:
            return members.decode(_whole, self.data)
        return members.decode(_payload, self.data).payload or {}

    def _switch_of(self, data: bytes) -> str | None:
        payload = self.envelope.payload
        if payload is None:
            return None
        if payload.switch is None and self.entry.scope is not catalog.Scope.SWITCH:
            return None
        return switch_of(self.envelope, data, self.profile.kinds.places)

    def __repr__(self) -> str:
        return f"<Command {self.kind} {self.correlation_id} for {self.switch}>"
