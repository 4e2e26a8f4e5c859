"""A proxy that logs people in, and says with each request who makes it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from flrouter.settings.model import Settings
from flrouter.web.access.people import Person, member
from flrouter.web.calls.call import Refusal

#: what only the proxy knows; it must take away what browsers send under all three names.
SECRET = "X-Flrouter-Proxy"
USER = "X-Forwarded-User"
GROUPS = "X-Forwarded-Groups"
#: where each proxy on the way adds from where the request came to it.
ADDRESSES = "X-Forwarded-For"


def person_of(headers: Mapping[str, str], settings: Settings) -> Person | None:
    """Whom the proxy names; None when the request does not come through it.

    Raises:
        Refusal: it shows another secret.
    """
    shown = headers.get(SECRET)
    if shown is None or not settings.proxy_secret:
        return None
    if not hmac.compare_digest(
        shown.encode("utf-8", "surrogateescape"), settings.proxy_secret.encode()
    ):
        raise Refusal(
            401, f"{SECRET} is wrong: it is FLROUTER_PROXY_SECRET of this router's workers"
        )
    groups = (group.strip() for group in headers.get(GROUPS, "").split(","))
    return member(headers.get(USER, "somebody"), groups, settings)


def address_of(headers: Mapping[str, str], address: str, settings: Settings) -> str:
    """From where a request comes, of whose headers :func:`person_of` believes those of the proxy.

    Args:
        headers: the request's.
        address: from which it came here.
        settings: name the secret.
    """
    if not settings.proxy_secret or SECRET not in headers:
        return address
    return headers.get(ADDRESSES, "").rpartition(",")[2].strip() or address
