"""Looks through whole tables: one at a time, however many ask."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession

from flrouter.core.shard import Shard
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import load
from flrouter.web.calls import scans
from flrouter.web.calls.call import Refusal
from flrouter.web.calls.scans import MAX_SCANS, Scans
from tests.web.served import served


def test_one_at_a_time_and_so_many_in_the_queue() -> None:
    """Others wait for their turn; beyond that they are told to come again, and may."""

    async def ask() -> None:
        scans = Scans()
        at_once = most = done = 0

        async def scan() -> None:
            nonlocal at_once, most, done
            async with scans.turn():
                at_once += 1
                most = max(most, at_once)
                await asyncio.sleep(0)
                at_once -= 1
            done += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(MAX_SCANS):
                group.create_task(scan())
            await asyncio.sleep(0)
            with pytest.raises(Refusal) as refusal:
                await scan()
        assert refusal.value.status == 503
        assert refusal.value.headers["Retry-After"] == "1"
        assert (most, done) == (1, MAX_SCANS)
        await scan()

    asyncio.run(ask())


def test_a_scan_that_fails_gives_its_turn_back() -> None:
    """Nobody waits for it."""

    async def ask() -> None:
        scans = Scans()
        for _ in range(2 * MAX_SCANS):
            with pytest.raises(KeyError):
                async with scans.turn():
                    raise KeyError
        async with asyncio.timeout(10), scans.turn():
            pass

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/switches?local=true", 503),
        ("/api/v1/pending?local=true&switch=9", 503),
        ("/api/v1/requests/op-17?local=true", 503),
        ("/api/v1/shards?local=true", 200),
        ("/healthz", 200),
    ],
)
def test_what_looks_through_tables_waits_for_its_turn(
    monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    """And nothing else does."""
    monkeypatch.setattr(scans, "MAX_SCANS", 0)
    settings = load({})

    async def ask() -> None:
        core = Shard(0, rules_of(settings), settings.message_catalog)
        async with served(core) as url, ClientSession() as session, session.get(url + path) as page:
            assert page.status == status, await page.text()

    asyncio.run(ask())
