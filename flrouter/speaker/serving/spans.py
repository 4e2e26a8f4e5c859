"""The FL side's spans: each lasts from taking a command until its answer is ready."""

from __future__ import annotations

import time

from flrouter.messages import trace
from flrouter.speaker.command import Command
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.requests import Request
from flrouter.telemetry.tracing import Tracer


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

    def end(self, command: Command, request: Request) -> None:
        """End the span of a command, which is answered."""
        if request.span is None:
            return
        parent, own, began = request.span
        attributes = {
            "flrouter.correlation_id": command.correlation_id,
            "flrouter.switch": command.switch or "",
            "flrouter.floodlight": self._floodlight,
            "flrouter.command": command.kind,
        }
        now = time.time_ns()
        self._tracer.span(parent, own, "handle", began, now, attributes, request.error)

    async def stop(self) -> None:
        """Send the spans that are left."""
        await self._tracer.stop()
