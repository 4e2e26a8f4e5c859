"""Pages of several workers as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from flrouter.web.calls.shapes import Floodlight, Page

Row = TypeVar("Row")


def merged(
    pages: Sequence[Page[Row]],
    limit: int,
    key: Callable[[Row], str],
    combined: Callable[[list[Row]], Row],
) -> Page[Row]:
    """The first `limit` rows of all pages.

    Each page has the first `limit` rows of its worker, so none is left out before the last one.

    Args:
        pages: of the same request, at least one.
        limit: how many rows at most.
        key: by which rows are in order.
        combined: makes one of the rows that several workers have of one key.
    """
    rows: dict[str, list[Row]] = {}
    for page in pages:
        for row in page.items:
            rows.setdefault(key(row), []).append(row)
    keys = sorted(rows)
    more = len(keys) > limit or any(page.next is not None for page in pages)
    kept = keys[:limit]
    absent = set(pages[0].missing_shards).intersection(*(page.missing_shards for page in pages))
    return Page(
        [combined(rows[kept_key]) for kept_key in kept],
        kept[-1] if more and kept else None,
        missing_shards=sorted(absent),
    )


def newest(rows: list[Floodlight]) -> Floodlight:
    """An FL as several workers know it: the newest state, of those who reach the brokers if it is
    the same; and what they count together.
    """
    if len(rows) == 1:
        return rows[0]
    best = max(rows, key=lambda row: (row.number, row.state != "unknown"))
    counts: dict[str, int] = {}
    for row in rows:
        for event, count in row.counts.items():
            counts[event] = counts.get(event, 0) + count
    latency = best.latency
    latency.counts = [
        sum(each) for each in zip(*(row.latency.counts for row in rows), strict=False)
    ]
    latency.total = sum(row.latency.total for row in rows)
    best.switches = sum(row.switches for row in rows)
    best.holds = sum(row.holds for row in rows)
    best.pending = sum(row.pending for row in rows)
    best.counts = counts
    best.sync = next((row.sync for row in rows if row.sync is not None), None)
    return best
