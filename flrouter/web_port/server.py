"""The web server of a worker, with a limit of connections and a check of its names."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from faust.web.drivers.aiohttp import Web

#: 50 dashboards, other workers, Prometheus; connections to Kafka need files too.
MAX_CONNECTIONS = 250
#: connections that may be accepted before the open ones are counted again.
_BACKLOG_CONNECTIONS = 32
#: s; how long a connection may stay without a request.
_IDLE_S = 15.0

_FULL_TEXT = f"{MAX_CONNECTIONS} connections are open at this worker: ask another one, or later\n"
_FULL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\n"
    f"Connection: close\r\nContent-Length: {len(_FULL_TEXT)}\r\n\r\n{_FULL_TEXT}"
).encode()

log = logging.getLogger(__name__)


class WebServer(Web):  # type: ignore[misc]  # Faust loads its drivers by name
    """Faust's web server, with limits."""

    def __init__(self, app: Any, names: Iterable[str], tls: ssl.SSLContext | None) -> None:
        """Args:
        names: other names of this worker; one that begins with a dot stands for all that end
            so.
        tls: its certificate; None: plain HTTP.
        """
        super().__init__(app)
        self._names = tuple(names)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._runner = web.AppRunner(self.web_app, access_log=None, keepalive_timeout=_IDLE_S)
        self.web_app.middlewares.append(self._under_its_names)

    async def start_server(self) -> None:
        """Listen."""
        await self._runner.setup()
        bind, port = self.app.conf.web_bind, self.app.conf.web_port
        self._server = await asyncio.get_running_loop().create_server(
            self._accept, bind, port, backlog=_BACKLOG_CONNECTIONS, ssl=self._tls
        )

    async def stop_server(self) -> None:
        """Stop listening, after open requests are answered."""
        if self._server is not None:
            self._server.close()
        await super().stop_server()

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= MAX_CONNECTIONS:
            log.warning("%d connections are open: more are refused", MAX_CONNECTIONS)
            return _Refusal()
        return server()

    @web.middleware
    async def _under_its_names(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse a request for another name (DNS rebinding).

        A site that leads its visitors' browsers here under its own name could read the answers.
        """
        # Browsers always send a name.
        name = _name_in(request.headers.get("Host", "localhost"))
        own = (self.app.conf.web_host, socket.gethostname(), "localhost", ".localhost")
        if _is_address(name) or any(_stands_for(known, name) for known in (*own, *self._names)):
            return await handler(request)
        text = f"this worker is not called {name[:200]!r}: if it is, add that to FLROUTER_WEB_HOSTS"
        body = msgspec.json.encode({"error": text})
        return web.Response(status=421, body=body, content_type="application/json")


class _Refusal(asyncio.Protocol):
    """Refuses a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer 503, whatever the request."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_FULL)
        transport.close()


def _name_in(host: str) -> str:
    """The name in a `Host` header, which may have a port behind it."""
    name, colon, port = host.strip().rpartition(":")
    if not colon or not port.isdigit():
        name = host.strip()
    return name.strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _stands_for(known: str, name: str) -> bool:
    known = known.lower()
    return name == known or (known.startswith(".") and name.endswith(known))
