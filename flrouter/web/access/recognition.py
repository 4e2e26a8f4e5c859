"""Recognition: who makes a request, where a proxy or a provider of OpenID Connect says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from flrouter.web.access.guard import Guard
from flrouter.web.access.people import Person
from flrouter.web.access.proxy import address_of, person_of
from flrouter.web.calls.call import Refusal
from flrouter.web.calls.hosted import Hosted

if TYPE_CHECKING:
    from flrouter.web.access.oidc import Provider

#: where a request has what it was recognised as.
PERSON: web.RequestKey[Person | None] = web.RequestKey("person")
#: and from where it came, as the proxy says if it came through one.
ADDRESS: web.RequestKey[str] = web.RequestKey("address")


class Recognition:
    """Asks the proxy's headers first, then the provider's token."""

    def __init__(self, app: Hosted, guard: Guard) -> None:
        self._settings = app.settings
        self._guard = guard
        self._provider = _provider(app) if app.settings.oidc_issuer else None

    async def person(self, headers: Mapping[str, str], address: str) -> Person | None:
        """Who it is; None for who shows neither, and perhaps a token of the settings.

        Raises:
            Refusal: what is shown is wrong, or cannot be checked now.
        """
        try:
            person = person_of(headers, self._settings)
            token = self._provided(headers.get("Authorization", ""))
            if person is None and token and self._provider is not None:
                self._guard.listen(address)
                person = await self._provider.person_of(token)
        except Refusal as refusal:
            if refusal.status == 401:
                self._guard.listen(address)
                self._guard.note_wrong(address)
            raise
        return person

    def address(self, headers: Mapping[str, str], address: str) -> str:
        """From where a request of this person came, that came here from `address`."""
        return address_of(headers, address, self._settings)

    def _provided(self, authorization: str) -> str:
        """A Bearer token that may be the provider's: of three parts, and none of the settings'."""
        scheme, _, shown = authorization.partition(" ")
        token = shown.strip()
        own = (self._settings.token, self._settings.read_token)
        return (
            token
            if scheme.lower() == "bearer" and token.count(".") == 2 and token not in own
            else ""
        )


def _provider(app: Hosted) -> Provider:
    """Made only where it is needed: joserfc is an extra."""
    from flrouter.web.access.oidc import Provider

    return Provider(app.settings, lambda: app.http_client)
