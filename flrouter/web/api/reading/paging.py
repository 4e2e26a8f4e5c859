"""Pages of tables that may be large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flrouter.web.calls.scans import in_turns


async def first_keys(
    tables: Iterable[Mapping[str, Any]],
    after: str,
    limit: int,
    wanted: Callable[[Any], bool] | None = None,
) -> list[str]:
    """The first `limit` keys behind `after`, in their order, of rows that are wanted.

    Tables may change meanwhile: a key may be gone when its row is looked up.
    """
    first: list[str] = []
    end: str | None = None
    for table in tables:
        for keys in in_turns(list(table)):
            first += [
                key
                for key in keys
                if key > after
                and (end is None or key < end)
                and (wanted is None or ((row := table.get(key)) is not None and wanted(row)))
            ]
            if len(first) > limit:
                first.sort()
                del first[limit:]
                end = first[-1]
            await asyncio.sleep(0)
    return sorted(first)
