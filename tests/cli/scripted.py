"""A server in a worker's place that says what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Scripted(BaseHTTPRequestHandler):
    """Says what the script has for a path: one thing after the other, the last one forever."""

    #: below `/api/v1/`: status, and what it says.
    script: dict[str, list[tuple[int, Any]]]

    def do_GET(self) -> None:
        """Answer."""
        says = self.script[urlsplit(self.path).path.removeprefix("/api/v1/")]
        status, said = says.pop(0) if len(says) > 1 else says[0]
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(script: dict[str, list[tuple[int, Any]]]) -> Iterator[str]:
    """Its URL."""
    handler = type("Handler", (Scripted,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
