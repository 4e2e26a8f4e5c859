"""Bearer tokens of an OpenID Connect provider, checked by the keys that it publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, NamedTuple

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from flrouter.faust_side.base import BaseApp
from flrouter.web.access.guard import ASK_FOR_TOKEN
from flrouter.web.access.people import Person, member
from flrouter.web.calls.call import Refusal

#: signatures by a key of the provider alone: never `none`, never by a shared secret.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
#: s; how long keys are used, and how old they must be before an unknown key asks for new ones.
KEYS_LIFE_S = 3600.0
KEYS_PAUSE_S = 30.0
#: s; pause after the provider failed. Nobody waits for it meanwhile.
RETRY_PAUSE_S = 5.0
#: s; how long the provider may take, and how far its clock may be off.
PATIENCE_S = 5.0
LEEWAY_S = 30
#: bytes of its answers; the rest is cut off.
MAX_BYTES = 1 << 20
#: what a token that is not valid raises.
_WRONG = (JoseError, ValueError)


class Published(NamedTuple):
    """What the provider publishes."""

    keys: KeySet
    #: what its tokens must say. It may call itself with a slash at the end.
    claims: jwt.JWTClaimsRegistry


class Provider:
    """The provider that the settings name."""

    def __init__(self, app: BaseApp) -> None:
        self._app = app
        self._settings = app.settings
        self._published: Published | None = None
        #: when it last gave its keys, and when it last failed (s, monotonic).
        self._published_at = 0.0
        self._failed_at = 0.0
        self._asking: asyncio.Task[None] | None = None
        #: why it failed when it was last asked; empty: it did not.
        self._failure = ""

    async def person_of(self, token: str) -> Person:
        """Who has this token.

        Raises:
            Refusal: it is not valid, or the provider does not give its keys.
        """
        try:
            claims = _read(token, await self._not_older_than(KEYS_LIFE_S))
        except _WRONG:  # perhaps its key is new
            published = await self._not_older_than(KEYS_PAUSE_S)
            try:
                claims = _read(token, published)
            except _WRONG as error:
                issuer = self._settings.oidc_issuer
                text = f"the token of {issuer} is not valid ({error}): log in again"
                raise Refusal(401, text, ASK_FOR_TOKEN) from None
        names = (claims.get(claim) for claim in ("preferred_username", "email", "sub"))
        name = str(next(filter(None, names), "somebody"))
        return member(name, groups_in(claims, self._settings.oidc_claim), self._settings)

    async def _not_older_than(self, life_s: float) -> Published:
        """Keys no older than this. While the provider fails, it is asked in the background.

        Raises:
            Refusal: it failed.
        """
        published = self._published
        if published is not None and monotonic() - self._published_at <= life_s:
            return published
        paused = self._failure and monotonic() - self._failed_at < RETRY_PAUSE_S
        if self._asking is None and not paused:
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None and not self._failure:
            await asyncio.shield(self._asking)
        if self._failure or self._published is None:
            raise Refusal(503, self._failure, {"Retry-After": f"{RETRY_PAUSE_S:.0f}"})
        return self._published

    async def _ask(self) -> None:
        issuer = self._settings.oidc_issuer
        try:
            async with asyncio.timeout(PATIENCE_S):
                self._published = await self._keys(issuer)
            self._published_at, self._failure = monotonic(), ""
        except (aiohttp.ClientError, OSError, KeyError, TypeError, *_WRONG) as error:
            why = f"no answer within {PATIENCE_S:g} s" if isinstance(error, TimeoutError) else error
            self._failure = (
                f"{issuer} does not give its keys, so logins by it fail"
                f" ({type(error).__name__}: {why!s:.300}): try again later, or use a token of the"
                " settings"
            )
            self._failed_at = monotonic()
        finally:
            self._asking = None

    async def _keys(self, issuer: str) -> Published:
        about = await self._get(f"{issuer}/.well-known/openid-configuration")
        name = str(about["issuer"])
        if name.rstrip("/") != issuer:
            raise ValueError(f"it calls itself {name!r:.200}")
        keys = KeySet.import_key_set(await self._get(about["jwks_uri"]))
        claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": name},
            aud={"essential": True, "value": self._settings.oidc_audience},
            exp={"essential": True},
        )
        return Published(keys, claims)

    async def _get(self, url: str) -> Any:
        async with self._app.http_client.get(url, allow_redirects=False) as answer:
            answer.raise_for_status()
            return msgspec.json.decode(await answer.content.read(MAX_BYTES))


def _read(token: str, published: Published) -> dict[str, Any]:
    decoded = jwt.decode(token, published.keys, algorithms=ALGORITHMS)
    published.claims.validate(decoded.claims)
    return decoded.claims


def groups_in(claims: Mapping[str, Any], path: str) -> list[str]:
    """The groups in a claim, or in a claim within another one, as `realm_access.roles`."""
    groups: Any = claims.get(path)
    if groups is None:
        groups = claims
        for name in path.split("."):
            groups = groups.get(name) if isinstance(groups, Mapping) else None
    if isinstance(groups, str):
        return groups.split()
    return [str(group) for group in groups] if isinstance(groups, list) else []
