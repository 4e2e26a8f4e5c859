"""The history over HTTP: asked of a router's worker, which asks the history worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession

from flrouter.core.values.effects import Happening
from flrouter.history.search import StoreFailed
from flrouter.history.sqlite import SqliteStore
from flrouter.history.store import Store
from flrouter.settings.model import Settings
from tests.history.batches import MIDNIGHT, batch, end
from tests.web.past import history_worker, router_worker
from tests.web.test_roles import Provider

ONE, TWO = "00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"
TOKEN, READ_TOKEN = "correct-horse-battery-staple", "who-has-this-may-read"
SECRET = "only-the-proxy-knows-this"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One with a gather of two parts, three requests, and what went on meanwhile."""
    opened = SqliteStore(tmp_path / "history")
    gathered = {"correlation_id": "all-1", "floodlight": ""}
    opened.insert(
        [
            batch(
                end(MIDNIGHT + 1, number="c0ffee00.1.7.0", **gathered | {"floodlight": "fl-1"}),
                end(
                    MIDNIGHT + 2,
                    number="c0ffee00.1.7.1",
                    switch=TWO,
                    error="OPERATION_TIMED_OUT: fl-2 did not answer",
                    **gathered | {"floodlight": "fl-2"},
                ),
                end(MIDNIGHT + 9, number="c0ffee00.1.7", switch="", parts=2, **gathered),
                events=[Happening(MIDNIGHT + 1, "outage", "fl-2", text="silent")],
            ),
            batch(
                end(
                    MIDNIGHT + 20,
                    correlation_id="op-ABC",
                    number="c0ffee00.1.8",
                    kind="InstallFlow",
                    sent=MIDNIGHT + 11,
                    acked=MIDNIGHT + 12,
                    command=b'{"\xff',
                ),
                end(MIDNIGHT + 30, correlation_id="op-2", number="c0ffee00.1.9", switch=TWO),
                events=[
                    Happening(
                        *(MIDNIGHT + 25, "order", "fl-2", TWO, "move", "ada", "10.0.0.1", "done"),
                    )
                ],
            ),
        ]
    )
    yield opened
    opened.close()


class Away:
    """A store whose database is away."""

    WHY = "postgresql://db/history: connection refused"

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object) -> None:
            raise StoreFailed(self.WHY)

        return fail


Ask = Callable[..., Awaitable[tuple[int, Any]]]


def asked(store: Any, test: Callable[[Ask], Awaitable[None]], **settings: Any) -> None:
    """Run a test with what asks a router's worker for a path below `/api/v1/history`."""

    async def run() -> None:
        async with (
            history_worker(store, Settings(**settings)) as history,
            router_worker(Settings(history_url=history, **settings)) as router,
            ClientSession() as session,
        ):

            async def ask(path: str = "", token: str = "", **query: object) -> tuple[int, Any]:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                url = f"{router}/api/v1/history{path}?{urlencode(query)}"
                async with session.get(url, headers=headers) as answer:
                    return answer.status, await answer.json()

            await test(ask)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ["op-2", "op-ABC", "all-1", "all-1", "all-1"]),
        ({"switch": "2"}, ["op-2", "all-1"]),
        ({"floodlight": "fl-2"}, ["all-1"]),
        ({"error": "any"}, ["all-1"]),
        ({"error": "NOT_FOUND"}, []),
        ({"completed": "true", "floodlight": "fl-1", "since": MIDNIGHT + 2}, ["op-2", "op-ABC"]),
        ({"until": MIDNIGHT + 2}, ["all-1"]),
        ({"kind": "InstallFlow"}, ["op-ABC"]),
        ({"correlation_id": "p-ab"}, ["op-ABC"]),
    ],
)
def test_requests_are_found(store: Store, query: dict[str, object], wanted: list[str]) -> None:
    """By whatever is asked for; and how far back the history goes."""

    async def test(ask: Ask) -> None:
        status, page = await ask(**query)
        assert status == 200, page
        assert [row["correlation_id"] for row in page["items"]] == wanted
        assert (page["next"], page["oldest"]) == (None, MIDNIGHT + 1)

    asked(store, test)


def test_pages_go_on(store: Store) -> None:
    """Of requests and of events."""

    async def test(ask: Ask) -> None:
        for path, count in (("", 5), ("/events", 2)):
            rows: list[str] = []
            after = ""
            while after is not None:
                _, page = await ask(path, limit=1, after=after)
                rows += [row["id"] for row in page["items"]]
                after = page["next"]
            assert len(rows) == count
            assert rows == sorted(set(rows), key=int, reverse=True)

    asked(store, test)


def test_a_request_whole(store: Store) -> None:
    """With every step, or with its parts."""

    async def test(ask: Ask) -> None:
        _, page = await ask(correlation_id="op-ABC")
        [row] = page["items"]
        assert row["received"] == MIDNIGHT + 10
        steps = [row[step] - MIDNIGHT for step in ("sent", "acked", "answered", "delivered")]
        assert steps == [11, 12, 20, 32]
        assert row["command"] == '{"\N{REPLACEMENT CHARACTER}'
        assert await ask(f"/requests/{row['id']}") == (200, {"request": row, "parts": []})
        _, page = await ask(correlation_id="all-1")
        whole = next(row for row in page["items"] if row["parts"])
        _, found = await ask(f"/requests/{whole['id']}")
        assert [part["part"] for part in found["parts"]] == [0, 1]
        assert found["parts"][1]["message"] == "fl-2 did not answer"
        _, found = await ask(f"/requests/{whole['id']}", limit=1)
        assert [part["part"] for part in found["parts"]] == [0]
        assert (await ask("/requests/7"))[0] == 404
        assert (await ask("/requests/%2e%2e%2fevents"))[0] == 404

    asked(store, test)


def test_who_ordered_what(store: Store) -> None:
    """And what happened, each by itself."""

    async def test(ask: Ask) -> None:
        _, page = await ask("/events", who="ada")
        [row] = page["items"]
        assert (row["kind"], row["text"], row["source"]) == ("order", "move", "10.0.0.1")
        assert (row["switch"], row["result"]) == (TWO, "done")
        _, page = await ask("/events", floodlight="fl-2", kind="outage")
        assert [row["text"] for row in page["items"]] == ["silent"]

    asked(store, test)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"correlation_id": "ab"}, "correlation_id"),
        ({"since": 5, "until": 5}, "the end of the time comes before its beginning"),
        ({"limit": 1001}, "limit"),
        ({"after": "x"}, "after"),
        ({"after": 2**63}, "not a cursor"),
        ({"switch": "x"}, "eight bytes"),
        ({"error": "any", "completed": "true"}, "completed has no error"),
        ({"more": 1}, "more"),
    ],
)
def test_what_cannot_be_asked(store: Store, query: dict[str, object], why: str) -> None:
    """400, with what is wrong, also where only the history worker knows it."""

    async def test(ask: Ask) -> None:
        status, answer = await ask(**query)
        assert status == 400
        assert why in answer["error"]

    asked(store, test)


def test_a_database_that_is_away() -> None:
    """503, with what the history worker says of it."""

    async def test(ask: Ask) -> None:
        for path in ("", "/events", "/requests/7"):
            status, answer = await ask(path)
            assert (status, answer) == (503, {"error": Away.WHY}), path

    asked(Away(), test)


def test_who_may_read(store: Store) -> None:
    """Who may read at the router's workers; they show the history worker the token of theirs."""

    async def test(ask: Ask) -> None:
        for token, status in ((TOKEN, 200), (READ_TOKEN, 200), ("wrong" * 4, 401), ("", 401)):
            assert (await ask(token=token))[0] == status

    asked(store, test, token=TOKEN, read_token=READ_TOKEN)


def test_the_history_workers_port_is_guarded(store: Store) -> None:
    """By the same token, and against the same pages of others."""

    async def test() -> None:
        settings = Settings(read_token=READ_TOKEN)
        async with history_worker(store, settings) as url, ClientSession(url) as session:
            async with session.get("/api/v1/history") as refused:
                assert refused.status == 401
            headers = {"Authorization": f"Bearer {READ_TOKEN}"}
            async with session.get("/api/v1/history", headers=headers) as answer:
                assert answer.status == 200
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
            async with session.get("/api/v1/openapi.json", headers=headers) as described:
                assert len((await described.json())["paths"]) == 3
            async with session.post("/api/v1/history", headers=headers) as refused:
                assert refused.status == 405
            async with session.get("/api/v1/nothing", headers=headers) as refused:
                assert refused.status == 404
                assert "error" in await refused.json()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("groups", "status"),
    [("flrouter-operator", 200), ("others, flrouter-reader", 200), ("others", 403), ("", 403)],
)
def test_roles(store: Store, groups: str, status: int) -> None:
    """By a provider's token and by a proxy's headers, at a router's worker and at the history's."""

    async def test() -> None:
        provider = Provider()
        async with provider.running():
            settings = {
                "read_token": READ_TOKEN,
                "oidc_issuer": provider.issuer,
                "proxy_secret": SECRET,
            }
            shown = [
                {"Authorization": f"Bearer {provider.token(groups)}"},
                {"X-Flrouter-Proxy": SECRET, "X-Forwarded-Groups": groups},
            ]
            async with (
                history_worker(store, Settings(**settings)) as history,
                router_worker(Settings(history_url=history, **settings)) as router,
                ClientSession() as session,
            ):
                for url in (history, router):
                    for headers in shown:
                        async with session.get(f"{url}/api/v1/history", headers=headers) as answer:
                            assert answer.status == status, (url, headers)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("url", "status", "why"),
    [
        ("", 404, "run `flrouter history worker`, and set FLROUTER_HISTORY_URL"),
        ("http://127.0.0.1:9", 503, "is a history worker running there?"),
    ],
)
def test_no_history(url: str, status: int, why: str) -> None:
    """It is said what to do."""

    async def test() -> None:
        async with router_worker(Settings(history_url=url)) as router, ClientSession() as session:
            for path in ("", "/events", "/requests/7"):
                async with session.get(f"{router}/api/v1/history{path}") as answer:
                    assert answer.status == status
                    assert why in (await answer.json())["error"]

    asyncio.run(test())


def test_a_history_worker_that_wants_another_token(store: Store) -> None:
    """It is its fault, or the settings', and not that of who asks."""

    async def test() -> None:
        async with (
            history_worker(store, Settings(read_token=READ_TOKEN)) as history,
            router_worker(Settings(history_url=history)) as router,
            ClientSession() as session,
            session.get(f"{router}/api/v1/history") as answer,
        ):
            assert answer.status == 503
            assert "reading needs FLROUTER_READ_TOKEN" in (await answer.json())["error"]

    asyncio.run(test())
