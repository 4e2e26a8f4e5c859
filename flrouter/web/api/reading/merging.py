"""Pages of several workers, as one."""

from __future__ import annotations

from collections import Counter
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
    """The first `limit` rows of all pages; each has the first `limit` rows of its worker.

    Args:
        pages: answers to the same request, at least one.
        limit: how many rows at most.
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


def newest(rows: list[Floodlight]) -> Floodlight:
    """An FL as several workers know it: the newest state, and the sums of what they count.

    Of the same state, a worker that reaches the brokers knows it better.
    """
    best = max(rows, key=lambda row: (row.number, row.state != "unknown"))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.counts)
    by_bucket = zip(*(row.latency.counts for row in rows), strict=False)
    best.latency.counts, best.latency.total = (
        [sum(counts_of_bucket) for counts_of_bucket in by_bucket],
        sum(row.latency.total for row in rows),
    )
    best.switches = sum(row.switches for row in rows)
    best.holds = sum(row.holds for row in rows)
    best.pending = sum(row.pending for row in rows)
    best.counts = dict(counts)
    best.sync = next((row.sync for row in rows if row.sync is not None), None)
    return best
