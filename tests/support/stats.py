"""What a worker says of its own shards, for all that watch one."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def stats(port: int) -> dict[str, Any]:
    """What the worker whose web port this is says of itself."""

    def rows(name: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{port}/api/v1/{name}?local=true&limit=1000"
        with urllib.request.urlopen(url, timeout=20) as page:
            return list(json.load(page)["items"])

    [worker] = rows("workers")
    shards = rows("shards")
    floodlights = rows("floodlights")
    counts: dict[str, dict[str, int]] = {}
    for row in floodlights:
        for event, count in row["counts"].items():
            counts.setdefault(event, {})[row["id"]] = count
    return {
        "shards": worker["shards"],
        "held_back": worker["held_back"],
        "pending": sum(row["pending"] for row in shards),
        "floodlights": {
            row["id"]: {"up": row["state"] in ("up", "drained"), "switches": row["switches"]}
            for row in floodlights
            if row["state"] != "removed"
        },
        "counts": counts,
    }
