"""Pages of large tables, and of several workers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flrouter.web.api.reading.paging import first_keys, merged
from flrouter.web.calls.shapes import Page

KEYS = st.text("abc", min_size=1, max_size=4)


@given(st.lists(st.dictionaries(KEYS, st.booleans()), max_size=4), KEYS, st.integers(1, 5))
def test_first_keys_are_the_first(tables: list[dict[str, bool]], after: str, most: int) -> None:
    """As a sort of everything would have them."""
    found = asyncio.run(first_keys(tables, after, most, lambda row: row))
    keys = sorted(key for table in tables for key, row in table.items() if row and key > after)
    assert found == keys[:most]


async def _longest_wait(tables: list[dict[str, int]]) -> float:
    """How long (s) others had to wait at most while a page was made; what else runs on this
    machine meanwhile is not counted.
    """
    moments = [time.thread_time()]
    done = asyncio.ensure_future(first_keys(tables, "", 1_001, lambda row: row >= 0))
    while not done.done():
        await asyncio.sleep(0)
        moments.append(time.thread_time())
    assert len(await done) == 1_001
    return max(later - earlier for earlier, later in pairwise(moments))


def test_large_tables_let_others_have_their_turn() -> None:
    """A page of 400,000 rows in two shards holds up nobody for 20 ms."""
    keys = [f"{number:016x}" for number in range(200_000)]
    random.Random(1).shuffle(keys)
    tables = [dict.fromkeys(keys, 1), {f"{key}.1": 1 for key in keys}]
    assert min(asyncio.run(_longest_wait(tables)) for _ in range(5)) < 0.02


def test_tables_may_change_meanwhile() -> None:
    """Rows that come and go while a page is made break nothing."""
    table = {f"{number:06}": number for number in range(20_000)}

    async def page() -> list[str]:
        making = asyncio.ensure_future(first_keys([table], "", 10, lambda row: row >= 0))
        await asyncio.sleep(0)
        for key in list(table)[::2]:
            del table[key]
        table["new"] = 1
        return await making

    assert len(asyncio.run(page())) == 10


@given(st.lists(st.lists(KEYS, unique=True, max_size=8), min_size=1, max_size=4), st.integers(1, 3))
def test_pages_of_workers_make_one_list(parts: list[list[str]], limit: int) -> None:
    """Going from page to page gives each key once, whichever workers have it."""

    def page(part: list[str], after: str) -> Page[str]:
        rest = sorted(key for key in part if key > after)
        more = rest[limit - 1] if len(rest) > limit else None
        return Page(rest[:limit], more)

    def walk() -> Iterator[str]:
        after: str | None = ""
        while after is not None:
            pages = [page(part, after) for part in parts]
            found = merged(pages, limit, lambda row: row, lambda rows: rows[0])
            assert len(found.items) <= limit
            yield from found.items
            after = found.next

    assert list(walk()) == sorted(set().union(*parts))
