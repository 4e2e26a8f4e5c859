"""The FL side's spans: each lasts from taking a command until its answer is ready."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from flrouter.messages import trace
from flrouter.speaker.command import Command
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.requests import Message, Request
from flrouter.telemetry.tracing import Tracer


class _Error(msgspec.Struct):
    type: str = msgspec.field(name="error-type", default="")


class _Answer(msgspec.Struct):
    payload: _Error | None = None


_answer = msgspec.json.Decoder(_Answer)


class Spans:
    """Makes a span of each command whose trace is sampled."""

    def __init__(self, options: SpeakerOptions) -> None:
        self._floodlight = options.id
        self._tracer = Tracer(options.traces_url, "flrouter-speaker", options.id)

    def begin(self, command: Command, request: Request) -> None:
        """Begin the span of a command; further work on the command belongs to that span."""
        parent = trace.read(command.traceparent)
        if parent is None or not parent.sampled:
            return
        own = trace.span_id(f"{self._floodlight} {command.correlation_id} {command.kind}")
        request.span = (parent, own, time.time_ns())
        command.traceparent = trace.continued(parent, own)

    def end(self, command: Command, request: Request, messages: Sequence[Message]) -> None:
        """End the span of a command, which `messages` answer."""
        if request.span is None:
            return
        parent, own, began = request.span
        attributes = {
            "flrouter.correlation_id": command.correlation_id,
            "flrouter.switch": command.switch or "",
            "flrouter.floodlight": self._floodlight,
            "flrouter.command": command.kind,
        }
        error = _error_of(messages)
        self._tracer.span(parent, own, "handle", began, time.time_ns(), attributes, error)

    async def stop(self) -> None:
        """Send the spans that are left."""
        await self._tracer.stop()


def _error_of(messages: Sequence[Message]) -> str:
    """The error type of an answer; empty when the answer is no error."""
    try:
        payload = _answer.decode(messages[0].value).payload if messages else None
    except msgspec.MsgspecError:
        return ""
    return payload.type if payload is not None else ""
