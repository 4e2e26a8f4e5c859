"""An app whose web port knows who asks: the router's, and the history's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from faust.web.base import Web

from flrouter.settings.model import Settings


class Hosted(Protocol):
    """What of a Faust app is needed for it."""

    settings: Settings

    @property
    def web(self) -> Web:
        """Its web server."""

    @property
    def http_client(self) -> aiohttp.ClientSession:
        """With what it asks others."""

    def page(self, path: str, *, name: str | None = None) -> Callable[[Any], Any]:
        """Serve something at a path."""
