"""Recognition: who makes a request, if a proxy or an OpenID Connect provider says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from flrouter.faust_side.base import BaseApp
from flrouter.web.access.guard import Guard, bearer_in
from flrouter.web.access.proxy import address_of, person_of
from flrouter.web.calls.call import Refusal

if TYPE_CHECKING:
    from flrouter.web.access.oidc import Provider
    from flrouter.web.access.people import Person

#: who makes a request, and from which address, as a proxy says if it came through one.
PERSON: web.RequestKey[Person | None] = web.RequestKey("person")
ADDRESS: web.RequestKey[str] = web.RequestKey("address")


class Recognition:
    """Asks the proxy's headers first, then the provider's token."""

    def __init__(self, app: BaseApp, guard: Guard) -> None:
        self._settings = app.settings
        self._guard = guard
        self._provider: Provider | None = None
        if app.settings.oidc_issuer:
            from flrouter.web.access.oidc import Provider  # joserfc is an extra

            self._provider = Provider(app)

    async def recognise(self, request: web.Request) -> None:
        """Note person and address of a request; no person for who shows a token of the settings.

        Raises:
            Refusal: what is shown is wrong, or cannot be checked now.
        """
        address = request.remote or ""
        try:
            person = person_of(request.headers, self._settings)
            token = bearer_in(request.headers.get("Authorization", ""))
            # A token of the provider has three parts; one of the settings may have them too.
            is_own = token in (self._settings.token, self._settings.read_token)
            if person is None and self._provider and token.count(".") == 2 and not is_own:
                self._guard.listen(address)
                person = await self._provider.person_of(token)
        except Refusal as refusal:
            if refusal.status == 401:
                self._guard.listen(address)
                self._guard.note_wrong(address)
            raise
        request[PERSON] = person
        request[ADDRESS] = address_of(request.headers, address, self._settings)
