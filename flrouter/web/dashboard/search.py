"""Search: what there is under a name that somebody typed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal

import msgspec

from flrouter.web.api.reading import ones
from flrouter.web.calls.call import BASE, Call, Refusal, Site
from flrouter.web.calls.queries import Query

#: characters of what is looked for.
MAX_CHARACTERS = 1_000


class Hit(msgspec.Struct):
    """Something of that name."""

    kind: Literal["floodlight", "switch", "request"]
    id: str


class Found(msgspec.Struct):
    """All that there is of that name, and what could not be looked up now."""

    hits: list[Hit]
    unknown: list[str]


async def search(site: Site, text: str) -> Found:
    """Look for an FL, a switch (its id in any form) and requests (by correlation id)."""
    result = Found([], [])
    name = text.strip()[:MAX_CHARACTERS]
    if not name:
        return result
    call = Call(site, BASE, {"id": name, "correlation_id": name}, Query(), None)
    for looked in await asyncio.gather(
        _look(_floodlight(call, name)), _look(_switch(call, name)), _look(_request(call, name))
    ):
        if isinstance(looked, Hit):
            result.hits.append(looked)
        elif looked:
            result.unknown.append(looked)
    return result


async def _floodlight(call: Call, name: str) -> Hit:
    return Hit("floodlight", (await ones.floodlight(call, name)).floodlight.id)


async def _switch(call: Call, name: str) -> Hit:
    return Hit("switch", (await ones.switch(call, name)).switch.id)


async def _request(call: Call, name: str) -> Hit:
    return Hit("request", (await ones.trace(call, name)).correlation_id)


async def _look(looking: Awaitable[Hit]) -> Hit | str:
    """What there is, or why nobody knows; nothing when there is none (404), or cannot be (400)."""
    try:
        return await looking
    except Refusal as refusal:
        return str(refusal) if refusal.status == 503 else ""
