"""Pages of tables that may be large, and of several workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from flrouter.web.calls.scans import in_turns
from flrouter.web.calls.shapes import Page

Row = TypeVar("Row")


async def first_keys(
    tables: Iterable[Mapping[str, Any]],
    after: str,
    limit: int,
    wanted: Callable[[Any], bool] | None,
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


def merged(
    pages: Sequence[Page[Row]],
    limit: int,
    key: Callable[[Row], str],
    combined: Callable[[list[Row]], Row],
) -> Page[Row]:
    """The first `limit` rows of all pages; each has the first `limit` rows of its worker.

    Args:
        pages: answers to the same request, at least one.
        key: of a row; they are in this order.
        combined: makes one row of those that several workers have for one key.
    """
    rows: dict[str, list[Row]] = {}
    for page in pages:
        for row in page.items:
            rows.setdefault(key(row), []).append(row)
    keys = sorted(rows)[:limit]
    more = len(rows) > limit or any(page.next is not None for page in pages)
    absent = set(pages[0].missing_shards).intersection(*(page.missing_shards for page in pages))
    return Page(
        [combined(rows[name]) for name in keys],
        keys[-1] if more and keys else None,
        missing_shards=sorted(absent),
    )
