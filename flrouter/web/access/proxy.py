"""A proxy that logs people in, and names who makes each request."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from flrouter.settings.model import Settings
from flrouter.web.access.people import Person, member
from flrouter.web.calls.call import Refusal

#: the proxy's secret. The proxy must remove all three headers from what browsers send.
SECRET = "X-Flrouter-Proxy"
USER = "X-Forwarded-User"
GROUPS = "X-Forwarded-Groups"
#: each proxy on the way adds the address that the request came from.
ADDRESSES = "X-Forwarded-For"


def person_of(headers: Mapping[str, str], settings: Settings) -> Person | None:
    """The person that the proxy names; None if the request does not come through it.

    Raises:
        Refusal: its secret is wrong.
    """
    shown = headers.get(SECRET)
    if shown is None or not settings.proxy_secret:
        return None
    given = shown.encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(given, settings.proxy_secret.encode()):
        text = f"{SECRET} is wrong: it is FLROUTER_PROXY_SECRET of this router's workers"
        raise Refusal(401, text)
    groups = (group.strip() for group in headers.get(GROUPS, "").split(","))
    return member(headers.get(USER, "somebody"), groups, settings)


def address_of(headers: Mapping[str, str], address: str, settings: Settings) -> str:
    """Where a request comes from, whose connection comes from `address`.

    :func:`person_of` has checked its secret.
    """
    if not settings.proxy_secret or SECRET not in headers:
        return address
    return headers.get(ADDRESSES, "").rpartition(",")[2].strip() or address
