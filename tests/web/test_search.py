"""What is looked up for whoever searches."""

from __future__ import annotations

import asyncio
from copy import copy
from itertools import permutations
from typing import Any

import pytest

from flrouter.app import create_app
from flrouter.settings.model import load
from flrouter.web.api.reading import ones
from flrouter.web.calls.call import Refusal, Site
from flrouter.web.calls.scans import Scans
from flrouter.web.calls.shapes import Request, Trace
from flrouter.web.calls.tally import Tally
from flrouter.web.calls.workers import Workers
from flrouter.web.dashboard.search import search
from flrouter.web.series.recorder import Recorder


def test_all_is_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a worker that is away waits for it once; and what is there is told."""

    async def look() -> None:
        all_began = asyncio.Barrier(3)

        async def nobody_knows(*_: Any) -> Any:
            await all_began.wait()
            raise Refusal(503, "a worker is away")

        async def there_is_none(*_: Any) -> Any:
            await all_began.wait()
            raise Refusal(404, "there is none")

        async def there_is_one(*_: Any) -> Trace:
            await all_began.wait()
            return Trace("op-17", [])

        monkeypatch.setattr(ones, "floodlight", nobody_knows)
        monkeypatch.setattr(ones, "switch", there_is_none)
        monkeypatch.setattr(ones, "trace", there_is_one)
        app = create_app(load({}))
        found = await asyncio.wait_for(
            search(
                Site(app, Tally(app), Workers(app), Scans(), Recorder(app)),
                " op-17 ",
            ),
            5,
        )
        assert [(hit.kind, hit.id) for hit in found.hits] == [("request", "op-17")]
        assert found.unknown == ["a worker is away"]

    asyncio.run(look())


def test_of_two_rows_of_a_request_the_one_with_its_end_stays() -> None:
    """In whatever order they come; and it is known until when its late answers are dropped."""
    pending = Request("1", "op-17", "sent", 0)
    barred = Request("1", "op-17", "failed", 0, blacklisted=9)
    ended = Request("1", "op-17", "failed", 0, ended=5)
    for rows in permutations((pending, barred, ended)):
        requests: dict[str, Request] = {}
        for row in rows:
            ones._add(requests, copy(row))
        assert (requests["1"].ended, requests["1"].blacklisted) == (5, 9)
