"""An OpenTelemetry collector: takes spans over HTTP, and keeps them."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.patience import HOPE


@dataclass(frozen=True)
class Span:
    """A span as it came."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    #: ns since the epoch.
    start: int
    end: int
    attributes: dict[str, str]
    failed: bool


class Collector:
    """Listens on loopback while its `with` block runs."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._changed = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector._take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def _take(self, request: ExportTraceServiceRequest) -> None:
        found = [
            Span(
                service=next(
                    pair.value.string_value
                    for pair in resource.resource.attributes
                    if pair.key == "service.name"
                ),
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                start=span.start_time_unix_nano,
                end=span.end_time_unix_nano,
                attributes={pair.key: pair.value.string_value for pair in span.attributes},
                failed=span.status.code == 2,
            )
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._changed:
            self._spans += found
            self._changed.notify_all()

    def of(self, trace_id: str, count: int, timeout: float = 15.0) -> list[Span]:
        """The spans of a trace, as soon as there are so many."""
        until = time.monotonic() + timeout * HOPE
        with self._changed:
            while True:
                found = [span for span in self._spans if span.trace_id == trace_id]
                if len(found) >= count:
                    return found
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    raise TimeoutError(f"{count} spans of {trace_id} awaited, have {self._spans}")

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
