"""An app with a guarded web port: the router's, and the history worker's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from faust.web.base import Web

from flrouter.settings.model import Settings


class Hosted(Protocol):
    """The part of a Faust app that this needs."""

    settings: Settings

    @property
    def web(self) -> Web:
        """Its web server."""

    @property
    def http_client(self) -> aiohttp.ClientSession:
        """Its HTTP client."""

    def page(self, path: str, *, name: str | None = None) -> Callable[[Any], Any]:
        """Serve a page at a path."""
