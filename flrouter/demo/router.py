"""The router, as the snapshots of its workers show it."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.request
from collections import Counter
from collections.abc import Sequence
from typing import Any

#: without the proxy of `http_proxy`, which is meant for the internet.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Router:
    """The sum of the newest snapshots, one of each worker's own shards."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._snapshots: dict[int, dict[str, Any]] = {port: {} for port in ports}

    async def look(self) -> None:
        """Ask all workers. A worker that does not answer keeps its last snapshot."""
        looks = [asyncio.to_thread(_snapshot, port) for port in self._snapshots]
        snapshots = zip(self._snapshots, await asyncio.gather(*looks), strict=True)
        self._snapshots |= {port: snapshot for port, snapshot in snapshots if snapshot is not None}

    @property
    def shards(self) -> list[int]:
        """How many shards each worker owns."""
        return [len(snapshot.get("shards", ())) for snapshot in self._snapshots.values()]

    def count(self, event: str) -> Counter[str]:
        """How often an event happened, by FL."""
        counts: Counter[str] = Counter()
        for snapshot in self._snapshots.values():
            for row in snapshot.get("floodlights", ()):
                counts[row["id"]] += row["counts"].get(event, 0)
        return counts

    def switches(self, floodlight: str) -> int:
        """How many switches an FL is active for."""
        return sum(row["switches"] for row in self._rows(floodlight) if row is not None)

    def up(self, floodlight: str) -> bool:
        """Whether every worker with shards reports that the FL answers."""
        states = [row and row["state"] for row in self._rows(floodlight)]
        return bool(states) and all(state in ("up", "drained") for state in states)

    def _rows(self, floodlight: str) -> list[dict[str, Any] | None]:
        """The FL's row from each worker with shards; None for a worker that does not know it."""
        return [
            next((row for row in snapshot["floodlights"] if row["id"] == floodlight), None)
            for snapshot in self._snapshots.values()
            if snapshot.get("shards")
        ]


def _snapshot(port: int) -> dict[str, Any] | None:
    """The snapshot of a worker; None if it does not answer."""
    url = f"http://127.0.0.1:{port}/dashboard/snapshot?local=true"
    try:
        with _opener.open(url, timeout=2) as answer:
            snapshot = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return snapshot if isinstance(snapshot, dict) else None
