"""The router's spans: commands that ended, for a collector."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable

from mode import Service

from flrouter.core.values.effects import Span
from flrouter.messages.trace import span_id
from flrouter.settings.model import Settings
from flrouter.telemetry.tracing import Tracer


class Spans(Service):
    """Sends spans. Each begins when its command is read and ends when its answer is durable."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._tracer = Tracer(settings.traces_url, settings.app_id, socket.gethostname())

    def send(self, spans: Iterable[Span]) -> None:
        """Send spans whose answers are durable now."""
        now = time.time_ns()
        for span in spans:
            attributes = {
                "flrouter.correlation_id": span.correlation_id,
                "flrouter.request": span.origin,
                "flrouter.switch": span.switch,
                "flrouter.floodlight": span.floodlight,
            }
            began = min(span.start * 1_000_000, now)
            own = span_id(span.origin)
            self._tracer.span(span.trace, own, "route", began, now, attributes, span.error)

    async def on_stop(self) -> None:
        """Send what is left."""
        await self._tracer.stop()
