"""Who ordered what, as the history is told of it: who, from where, what, and with which result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from flrouter.app import create_app
from flrouter.core.shard import Shard
from flrouter.core.values.effects import Happening
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import Settings
from tests.web.served import served

TOKEN, READ_TOKEN = "correct-horse-battery-staple", "who-has-this-may-read"
SECRET = "only-the-proxy-knows-this"
HERE = "127.0.0.1"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NO_FLOODLIGHT = "there is no floodlight fl-1: /api/v1/floodlights lists those there are"
ALL_DOWN = "all floodlights are down"


def proxied(user: str, group: str) -> dict[str, str]:
    """What a proxy says of somebody who came to it from 10.9.8.7, and said otherwise before."""
    return {
        "X-Flrouter-Proxy": SECRET,
        "X-Forwarded-User": user,
        "X-Forwarded-Groups": group,
        "X-Forwarded-For": "192.0.2.1, 10.9.8.7",
        "Content-Type": "application/json",
    }


ADA, BOB = proxied("ada", "flrouter-operator"), proxied("bob", "flrouter-reader")
MAY_NOT = "bob may not change anything: that needs a group of OPERATOR_GROUPS"


def orders() -> Iterator[tuple[str, str, dict[str, str], tuple[str, ...] | None]]:
    """Path, body and headers of a request, and what of it is remembered: the FL, the switch, what,
    who, from where, with which result.
    """
    yield "sync", "", ADA, ("", "", "sync", "ada", "10.9.8.7", ALL_DOWN)
    yield "sync", "", BOB, ("", "", "sync", "bob", "10.9.8.7", MAY_NOT)
    yield "sync", "", BEARER, ("", "", "sync", "token", HERE, ALL_DOWN)
    told = ("", "", "sync", "token", HERE, ALL_DOWN)
    yield "sync", "", BEARER | {"X-Forwarded-For": "10.9.8.7"}, told
    yield "sync", "", {"Authorization": "Bearer wrong"}, None
    yield "sync", "", {}, None
    drain = ("fl-1", "", "drain", "token", HERE, NO_FLOODLIGHT)
    yield "floodlights/fl-1/drain", "", BEARER, drain


@pytest.mark.parametrize(("path", "body", "headers", "wanted"), orders())
def test_an_order_is_remembered(
    path: str, body: str, headers: dict[str, str], wanted: tuple[str, ...] | None
) -> None:
    """Also one that is refused, but of nobody who was not let in."""
    told: list[Happening] = []

    async def ask() -> None:
        settings = Settings(token=TOKEN, read_token=READ_TOKEN, proxy_secret=SECRET)
        app = create_app(settings)
        app.history.order = told.append  # type: ignore[method-assign]
        shard: Any = Shard(0, rules_of(settings), settings.message_catalog)
        async with (
            served(shard, app) as url,
            ClientSession() as session,
            session.post(f"{url}/api/v1/{path}", headers=headers, data=body),
        ):
            pass

    asyncio.run(ask())
    assert [
        (one.floodlight, one.switch, one.text, one.who, one.source, one.result) for one in told
    ] == ([wanted] if wanted else [])
