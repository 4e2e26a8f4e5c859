"""The tables of this worker's shards as JSON, to look into and to compare with their changelogs."""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.runtime.app import RouterApp
from flrouter.runtime.topics import TABLES


def register(app: RouterApp) -> None:
    """Give `app` the page ``/tables/<name>``."""

    async def table(self: Any, request: Any, name: str) -> Any:
        if name not in TABLES:
            return self.json({"error": f"no table {name!r}: one of {list(TABLES)}"}, status=404)
        return self.json(rows(app, name))

    app.page("/tables/{name}", name="tables")(table)


def rows(app: RouterApp, name: str) -> dict[int, dict[str, Any]]:
    """Shard → key → value as in the changelog, bytes in base64; of the shards that it owns now."""
    return {
        shard.context.number: {
            key: msgspec.to_builtins(value) for key, value in getattr(shard.context, name).items()
        }
        for shard in app.shards.owned()
    }
