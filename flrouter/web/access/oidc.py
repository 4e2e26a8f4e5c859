"""Bearer tokens of a provider of OpenID Connect: checked here, by the keys that it publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from flrouter.settings.model import Settings
from flrouter.web.access.people import Person, member
from flrouter.web.calls.call import Refusal

#: signatures by keys that only the provider has; never `none`, nor by a secret that others know.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
#: s; how long keys are used, and how soon others are asked for when a token names an unknown one.
KEYS_LIFE_S = 3600.0
KEYS_PAUSE_S = 30.0
#: s; after it did not tell its keys nobody waits for it, and it is asked again this much later.
RETRY_PAUSE_S = 5.0
#: s; how long the provider may take in all, and how far its clock may be off.
PATIENCE_S = 5.0
LEEWAY_S = 30
#: bytes of an answer of the provider.
MAX_BYTES = 1 << 20
#: what a token that is none leads to.
_WRONG = (JoseError, ValueError)


class Published(NamedTuple):
    """What the provider tells everybody."""

    keys: KeySet
    #: what a token of its must say, as it calls itself: perhaps with a slash at the end.
    claims: jwt.JWTClaimsRegistry


class Provider:
    """Knows who has a token of the provider that the settings name."""

    def __init__(self, settings: Settings, session: Callable[[], aiohttp.ClientSession]) -> None:
        """Args:
        settings: name it.
        session: gives the one to ask it with.
        """
        self._settings = settings
        self._session = session
        self._published: Published | None = None
        #: when it told its keys last, and when it did not.
        self._told = 0.0
        self._failed = 0.0
        self._asking: asyncio.Task[None] | None = None
        #: why it did not tell its keys when it was asked last; nothing: it did.
        self._failure = ""

    async def person_of(self, token: str) -> Person:
        """Who has it.

        Raises:
            Refusal: it is not valid, or nobody can tell as the provider does not answer.
        """
        try:
            claims = _read(token, await self._not_older_than(KEYS_LIFE_S))
        except _WRONG:  # perhaps by a key that is new
            claims = self._read_or_refuse(token, await self._not_older_than(KEYS_PAUSE_S))
        names = (claims.get(claim) for claim in ("preferred_username", "email", "sub"))
        name = str(next(filter(None, names), "somebody"))
        return member(name, groups_in(claims, self._settings.oidc_claim), self._settings)

    def _read_or_refuse(self, token: str, published: Published) -> dict[str, Any]:
        try:
            return _read(token, published)
        except _WRONG as error:
            text = f"the token of {self._settings.oidc_issuer} is not valid ({error}): log in again"
            raise Refusal(401, text, {"WWW-Authenticate": 'Bearer realm="flrouter"'}) from None

    async def _not_older_than(self, life_s: float) -> Published:
        """What it told within so many seconds.

        Whoever comes while it is known to be away gets the refusal at once: it is asked again
        behind their backs.
        """
        published = self._published
        if published is not None and monotonic() - self._told <= life_s:
            return published
        paused = self._failure and monotonic() - self._failed < RETRY_PAUSE_S
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
            self._told, self._failure = monotonic(), ""
        except (aiohttp.ClientError, OSError, KeyError, TypeError, *_WRONG) as error:
            why = f"no answer within {PATIENCE_S:g} s" if isinstance(error, TimeoutError) else error
            self._failure = (
                f"nobody can log in by {issuer} now, as it does not tell its keys"
                f" ({type(error).__name__}: {why!s:.300}): try again later, or use a token of the"
                " settings"
            )
            self._failed = monotonic()
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
        async with self._session().get(url, allow_redirects=False) as answer:
            answer.raise_for_status()
            return msgspec.json.decode(await answer.content.read(MAX_BYTES))


def _read(token: str, published: Published) -> dict[str, Any]:
    decoded = jwt.decode(token, published.keys, algorithms=ALGORITHMS)
    published.claims.validate(decoded.claims)
    return decoded.claims


def groups_in(claims: Mapping[str, Any], way: str) -> list[str]:
    """The groups that a claim lists, or one within others, as `realm_access.roles`."""
    groups: Any = claims.get(way)
    if groups is None:
        groups = claims
        for name in way.split("."):
            groups = groups.get(name) if isinstance(groups, Mapping) else None
    if isinstance(groups, str):
        return groups.split()
    return [str(group) for group in groups] if isinstance(groups, list) else []
