"""Reader, operator and nobody: by a proxy's headers, by tokens of a provider, and beside both by
the tokens of the settings.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from flrouter.app import create_app
from flrouter.core.shard import Shard
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import BadSetting, Settings
from flrouter.web.access.oidc import groups_in
from tests.support.patience import PATIENCE
from tests.web.served import served

TOKEN, READ_TOKEN = "correct-horse-battery-staple", "who-has-this-may-read"
SECRET = "only-the-proxy-knows-this"
JSON = {"Content-Type": "application/json"}
#: groups, and how a request that reads and one that changes is answered: it would change
#: something, if there were an FL.
ROLES = [
    ("flrouter-operator, others", 200, 409),
    ("others, flrouter-reader", 200, 403),
    ("others", 403, 403),
    ("", 403, 403),
]


class Provider:
    """A provider of OpenID Connect, as far as one asks it for its keys."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "one"})]
        self.issuer = ""
        #: what it calls itself: behind some there is a slash.
        self.name = ""
        #: how often it was asked for its keys, and where they are.
        self.asked = 0
        self.greeted = 0
        #: whether it answers; who asks meanwhile waits.
        self.answering = asyncio.Event()
        self.answering.set()
        self.asked_again = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It answers."""

        async def about(_: web.Request) -> web.Response:
            self.greeted += 1
            if self.greeted > 1:
                self.asked_again.set()
            await self.answering.wait()
            return web.json_response({"issuer": self.name, "jwks_uri": f"{self.issuer}/keys"})

        async def keys(_: web.Request) -> web.Response:
            self.asked += 1
            return web.json_response(KeySet(self.keys).as_dict(private=False))

        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", about)
        app.router.add_get("/keys", keys)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.name = f"{self.issuer}/"
        try:
            yield
        finally:
            await runner.cleanup()

    def token(self, groups: str = "", key: Any = None, alg: str = "ES256", **more: Any) -> str:
        """One for somebody in these groups."""
        key = key or self.keys[-1]
        claims = {
            "iss": self.name,
            "aud": "flrouter",
            "exp": time.time() + 300,
            "preferred_username": "ada",
            "groups": groups.split(", "),
        }
        return jwt.encode({"alg": alg, "kid": key.kid}, claims | more, key, algorithms=[alg])


@asynccontextmanager
async def worker(**settings: Any) -> AsyncIterator[ClientSession]:
    """Asks a worker with these settings, and tokens."""
    found = Settings(token=TOKEN, read_token=READ_TOKEN, **settings)
    app = create_app(found)
    shard = Shard(0, rules_of(found), found.message_catalog)
    async with served(shard, app) as url, ClientSession(url) as session:
        yield session


async def statuses(session: ClientSession, headers: Mapping[str, str]) -> tuple[int, int]:
    """How one that reads and one that changes something is answered."""
    async with session.get("/api/v1/shards?local=true", headers=headers) as read:
        pass
    async with session.post("/api/v1/sync", headers=JSON | headers, data="{}") as changed:
        pass
    return read.status, changed.status


def bearer(token: str) -> dict[str, str]:
    """It, as a header."""
    return {"Authorization": f"Bearer {token}"}


def test_roles_by_a_providers_tokens() -> None:
    """Also by a key that is new; and what is not the provider's is nobody's."""

    async def ask() -> None:
        provider = Provider()
        async with provider.running(), worker(oidc_issuer=provider.issuer) as session:
            for groups, reads, changes in ROLES:
                shown = bearer(provider.token(groups))
                assert await statuses(session, shown) == (reads, changes), groups
            async with session.get("/api/v1/me", headers=bearer(provider.token(ROLES[0][0]))) as me:
                assert await me.json() == {"name": "ada", "role": "operator", "token": True}
            assert provider.asked == 1, "keys are kept"
            best, guessed = ROLES[0][0], OctKey.import_key("guessed" * 5, {"kid": "one"})
            for wrong in (
                provider.token(best, exp=time.time() - 60),
                provider.token(best, aud="another"),
                provider.token(best, iss="http://evil.example"),
                provider.token(best, key=guessed, alg="HS256"),
                provider.token(best, key=ECKey.generate_key("P-256", {"kid": "one"})),
                "eyJhbGciOiJub25lIn0.e30.",
                "a.b.c",
            ):
                assert await statuses(session, bearer(wrong)) == (401, 401), wrong
            assert await statuses(session, bearer(TOKEN)) == (200, 409)
            assert await statuses(session, bearer(READ_TOKEN)) == (200, 403)
            assert await statuses(session, {}) == (401, 401)

    asyncio.run(ask())


def test_a_provider_with_new_keys_and_one_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token by a key that is new is taken, once the keys may be asked for again."""

    async def ask() -> None:
        provider = Provider()
        async with worker(oidc_issuer="http://127.0.0.1:9") as session:
            shown = bearer(provider.token(ROLES[0][0]))
            assert await statuses(session, shown) == (503, 503), "nobody knows"
        async with provider.running(), worker(oidc_issuer=provider.issuer) as session:
            assert await statuses(session, bearer(provider.token(ROLES[0][0]))) == (200, 409)
            provider.keys.append(ECKey.generate_key("P-256", {"kid": "two"}))
            new = bearer(provider.token(ROLES[0][0]))
            assert await statuses(session, new) == (401, 401)
            assert provider.asked == 1
            monkeypatch.setattr("flrouter.web.access.oidc.KEYS_PAUSE_S", 0)
            assert await statuses(session, new) == (200, 409)

    asyncio.run(ask())


def test_nobody_waits_for_a_provider_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes first does, for a while; all others are told at once, until it is back."""

    async def ask() -> None:
        provider = Provider()
        async with provider.running(), worker(oidc_issuer=provider.issuer) as session:
            shown = bearer(provider.token(ROLES[0][0]))
            provider.answering.clear()
            monkeypatch.setattr("flrouter.web.access.oidc.PATIENCE_S", 0.2)
            together = await asyncio.gather(*(statuses(session, shown) for _ in range(20)))
            assert set(together) == {(503, 503)}
            assert provider.greeted == 1, "it is asked for all of them"
            # From here on, whoever waits for it does so for an hour.
            monkeypatch.setattr("flrouter.web.access.oidc.PATIENCE_S", 3600)
            async with session.get("/api/v1/me", headers=shown) as refused:
                why = (await refused.json())["error"]
            assert "(TimeoutError: no answer within 0.2 s)" in why
            assert "use a token of the settings" in why
            assert provider.greeted == 1, "it is left alone for a while"
            monkeypatch.setattr("flrouter.web.access.oidc.RETRY_PAUSE_S", 0)
            assert await statuses(session, shown) == (503, 503)
            provider.answering.set()
            while await statuses(session, shown) != (200, 409):
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(ask(), 30 * PATIENCE))


def test_known_keys_are_used_while_a_provider_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token by an unknown key waits for it, and keeps nobody else."""
    monkeypatch.setattr("flrouter.web.access.oidc.KEYS_PAUSE_S", 0)
    monkeypatch.setattr("flrouter.web.access.oidc.PATIENCE_S", 3600)

    async def ask() -> None:
        provider = Provider()
        async with provider.running(), worker(oidc_issuer=provider.issuer) as session:
            known = bearer(provider.token(ROLES[0][0]))
            unknown = ECKey.generate_key("P-256", {"kid": "two"})
            assert await statuses(session, known) == (200, 409)
            provider.answering.clear()
            stranger = bearer(provider.token(ROLES[0][0], key=unknown))
            waiting = asyncio.create_task(statuses(session, stranger))
            await provider.asked_again.wait()
            assert await statuses(session, known) == (200, 409)
            provider.answering.set()
            assert await waiting == (401, 401)

    asyncio.run(asyncio.wait_for(ask(), 30 * PATIENCE))


def test_roles_by_a_proxys_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are believed with its secret alone; and a page of another site cannot use them."""
    monkeypatch.setattr("flrouter.web.access.guard.BURST_WRONG_TOKENS", 6)

    async def ask() -> None:
        async with worker(proxy_secret=SECRET) as session:
            proxied = {"X-Flrouter-Proxy": SECRET, "X-Forwarded-User": "ada"}
            for groups, reads, changes in ROLES:
                shown = proxied | {"X-Forwarded-Groups": groups}
                assert await statuses(session, shown) == (reads, changes), groups
            operator = {"X-Forwarded-User": "eve", "X-Forwarded-Groups": ROLES[0][0]}
            assert await statuses(session, operator) == (401, 401)
            for kind in ("text/plain", "application/x-www-form-urlencoded"):
                shown = proxied | operator | {"Content-Type": kind}
                assert await statuses(session, shown) == (200, 400), "a form of another site"
            wrong = operator | {"X-Flrouter-Proxy": f"{SECRET}?"}
            assert await statuses(session, wrong) == (401, 401)
            answers = [(await statuses(session, wrong))[0] for _ in range(10)]
            assert answers[-1] == 429, "it is heard once a second"

    asyncio.run(ask())


def test_without_the_settings_nobody_is_believed() -> None:
    """Headers and tokens are as if they were not there."""

    async def ask() -> None:
        async with worker() as session:
            shown = {"X-Flrouter-Proxy": "", "X-Forwarded-Groups": ROLES[0][0]}
            assert await statuses(session, shown) == (401, 401)
            assert await statuses(session, bearer(Provider().token(ROLES[0][0]))) == (401, 403)

    asyncio.run(ask())


def test_roles_need_a_token_for_reading() -> None:
    """Else everybody could read; and workers ask each other with it."""
    for more in ({"proxy_secret": SECRET}, {"oidc_issuer": "https://id.example"}):
        with pytest.raises(BadSetting, match="read_token"):
            Settings(**more)


@pytest.mark.parametrize(
    ("claims", "way", "wanted"),
    [
        ({"groups": ["a", "b"]}, "groups", ["a", "b"]),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ["a"]),
        ({"https://example.com/groups": "a b"}, "https://example.com/groups", ["a", "b"]),
        ({"groups": 5}, "groups", []),
        ({"groups": "x"}, "groups.more", []),
        ({}, "groups", []),
    ],
)
def test_groups_in_a_token(claims: dict[str, Any], way: str, wanted: list[str]) -> None:
    """Wherever providers put them."""
    assert groups_in(claims, way) == wanted
