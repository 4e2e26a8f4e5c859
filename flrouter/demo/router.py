"""The router as its workers' `/stats` show it."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any


class Router:
    """The newest page of each worker, added up."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._pages: dict[int, dict[str, Any]] = {port: {} for port in ports}

    async def look(self) -> None:
        """Ask all workers; what one does not answer stays as it was."""
        await asyncio.gather(*(self._look_at(port) for port in self._pages))

    async def _look_at(self, port: int) -> None:
        page = await asyncio.to_thread(_page, port)
        if page is not None:
            self._pages[port] = page

    @property
    def shards(self) -> list[int]:
        """How many shards each worker owns."""
        return [len(page.get("shards", ())) for page in self._pages.values()]

    @property
    def pending(self) -> int:
        """Requests without a final answer."""
        return sum(page.get("pending", 0) for page in self._pages.values())

    def count(self, event: str) -> Counter[str]:
        """How often `what` happened, by FL."""
        counts: Counter[str] = Counter()
        for page in self._pages.values():
            counts.update(page.get("counts", {}).get(event, {}))
        return counts

    def switches(self, floodlight: str) -> int:
        """How many switches an FL speaks for."""
        return sum(page.get("switches", 0) for page in self._states(floodlight))

    def up(self, floodlight: str) -> bool:
        """Whether every worker that has shards says that an FL is known and answers."""
        states = self._states(floodlight)
        return bool(states) and all(state["known"] and state["up"] for state in states)

    def _states(self, floodlight: str) -> list[dict[str, Any]]:
        pages = [page for page in self._pages.values() if page.get("shards")]
        unknown = {"known": False, "up": False, "switches": 0}
        return [page["floodlights"].get(floodlight, unknown) for page in pages]


def _page(port: int) -> dict[str, Any] | None:
    """A worker's page; None when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/stats")
        response = connection.getresponse()
        page = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return page if response.status == 200 and isinstance(page, dict) else None
