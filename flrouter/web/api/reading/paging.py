"""Pages of tables that may be large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flrouter.web.calls.turns import in_turns


async def first_keys(
    tables: Iterable[Mapping[str, Any]],
    after: str,
    most: int,
    wanted: Callable[[str, Any], bool] | None = None,
) -> list[str]:
    """The first `most` keys behind `after` in the order of keys, of rows that are wanted.

    Tables change while others have their turn: a key may be gone when its row is looked up.
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
                and (wanted is None or ((row := table.get(key)) is not None and wanted(key, row)))
            ]
            if len(first) > most:
                first.sort()
                del first[most:]
                end = first[-1]
            await asyncio.sleep(0)
    return sorted(first)
