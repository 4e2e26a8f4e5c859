"""Search: what has the name that somebody typed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import msgspec

from flrouter.web.api.reading import ones
from flrouter.web.calls.call import Call, Refusal, Site
from flrouter.web.calls.queries import Query

#: characters of what is looked for.
MAX_CHARACTERS = 1_000

Kind = Literal["floodlight", "switch", "request"]
Detail = TypeVar("Detail")


class Hit(msgspec.Struct):
    """Something of that name."""

    kind: Kind
    id: str


class Found(msgspec.Struct):
    """All that has that name, and why some of it may be missing."""

    hits: list[Hit]
    unknown: list[str]


async def search(site: Site, text: str) -> Found:
    """Look for an FL, a switch (its id in any form) and requests (by correlation id)."""
    name = text.strip()[:MAX_CHARACTERS]
    if not name:
        return Found([], [])
    call = Call(site, Query(), None)

    async def look(
        kind: Kind, looking: Awaitable[Detail], id_of: Callable[[Detail], str]
    ) -> object:
        try:
            return Hit(kind, id_of(await looking))
        except Refusal as refusal:  # 404: there is none; 400: it is not an id of this kind
            return str(refusal) if refusal.status == 503 else None

    known = await asyncio.gather(
        look("floodlight", ones.floodlight(call, name), lambda detail: detail.floodlight.id),
        look("switch", ones.switch(call, name), lambda detail: detail.switch.id),
        look("request", ones.trace(call, name), lambda detail: detail.correlation_id),
    )
    hits = [hit for hit in known if isinstance(hit, Hit)]
    return Found(hits, [why for why in known if isinstance(why, str)])
