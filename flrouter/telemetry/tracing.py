"""Spans for an OpenTelemetry collector, over HTTP.

Requesters decide: only commands with a sampled `traceparent` get spans. A thread sends them; what
the collector does not take is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from flrouter import __version__
from flrouter.messages.trace import Trace

#: ms; how long spans wait for others to be sent with.
BATCH_DELAY_MS = 1_000


class _Ids(RandomIdGenerator):
    """Gives the next span the id that went out in the headers of its command."""

    next_id = ""

    def generate_span_id(self) -> int:
        """The id, as a number."""
        return int(self.next_id, 16)


class Tracer:
    """Makes the spans of one process."""

    def __init__(self, url: str, service: str, instance: str) -> None:
        """Args:
        url: the collector's, as `http://host:4318/v1/traces`.
        service: the name of what makes the spans.
        instance: which one of several.
        """
        self._ids = _Ids()
        who = {"service.name": service, "service.instance.id": instance}
        self._provider = TracerProvider(
            resource=Resource.create({**who, "service.version": __version__}),
            id_generator=self._ids,
            shutdown_on_exit=False,  # whoever made it stops it
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=url), schedule_delay_millis=BATCH_DELAY_MS)
        )
        self._tracer = self._provider.get_tracer("flrouter", __version__)

    def span(
        self,
        trace: Trace,
        span_id: str,
        name: str,
        start_ns: int,
        end_ns: int,
        attributes: Mapping[str, str],
        error: str = "",
    ) -> None:
        """Send a span.

        Args:
            trace: the trace and the span above.
            span_id: 16 hex digits.
            start_ns: since the epoch, as `end_ns`.
            attributes: empty ones are left out.
            error: its type; empty if it did not fail.
        """
        above = api.SpanContext(
            int(trace.trace_id, 16), int(trace.parent_id, 16), True, api.TraceFlags(trace.sampled)
        )
        self._ids.next_id = span_id
        span = self._tracer.start_span(
            name,
            api.set_span_in_context(api.NonRecordingSpan(above)),
            api.SpanKind.CONSUMER,
            {key: value for key, value in attributes.items() if value},
            start_time=start_ns,
        )
        if error:
            span.set_attribute("error.type", error)
            span.set_status(api.StatusCode.ERROR)
        span.end(end_ns)

    async def stop(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self._provider.shutdown)
