"""Pages: the first keys of tables that may be large, without keeping the event loop for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")

#: keys that are looked at before others get their turn: about a millisecond.
SOME = 4_000


def in_turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """So many of `items` at a time that looking at them takes no time to speak of."""
    for at in range(0, len(items), SOME):
        yield items[at : at + SOME]


async def first_keys(
    tables: Iterable[Mapping[str, Any]],
    after: str,
    most: int,
    wanted: Callable[[str, Any], bool] | None = None,
) -> list[str]:
    """The first `most` keys behind `after` in the order of keys, of rows that are wanted.

    Tables change while others have their turn: a key may be gone when its row is looked up.
    """
    found: list[str] = []
    end: str | None = None
    for table in tables:
        for keys in in_turns(list(table)):
            found += [
                key
                for key in keys
                if key > after
                and (end is None or key < end)
                and (wanted is None or ((row := table.get(key)) is not None and wanted(key, row)))
            ]
            if len(found) > most:
                found.sort()
                del found[most:]
                end = found[-1]
            await asyncio.sleep(0)
    return sorted(found)
