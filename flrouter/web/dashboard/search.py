"""Search: what there is under a name that somebody typed in."""

from __future__ import annotations

from typing import Literal

import msgspec

from flrouter.web.api import ones
from flrouter.web.api.call import BASE, Call, Refusal, Site
from flrouter.web.api.queries import Query

#: characters of what is looked for.
LONGEST = 1_000


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
    found = Found([], [])
    name = text.strip()[:LONGEST]
    if not name:
        return found
    call = Call(site, BASE, {"id": name, "correlation_id": name}, Query(), None)
    try:
        found.hits.append(Hit("floodlight", (await ones.floodlight(call, name)).floodlight.id))
    except Refusal as refusal:
        _note(refusal, found)
    try:
        found.hits.append(Hit("switch", (await ones.switch(call, name)).switch.id))
    except Refusal as refusal:
        _note(refusal, found)
    try:
        found.hits.append(Hit("request", (await ones.trace(call, name)).correlation_id))
    except Refusal as refusal:
        _note(refusal, found)
    return found


def _note(refusal: Refusal, found: Found) -> None:
    """That there is none (404), or that it cannot be its name (400), need not be said."""
    if refusal.status == 503:
        found.unknown.append(str(refusal))
