"""One FL, one switch, one correlation id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from flrouter.core.shard import Shard
from flrouter.core.state.context import MAX_TOLD_CHARACTERS
from flrouter.core.values.home import home
from flrouter.core.values.records import Gather
from flrouter.web.api.reading import floodlights, rows
from flrouter.web.api.reading.lists import not_owned, read_switch
from flrouter.web.api.reading.merging import newest
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.people import Role
from flrouter.web.calls.queries import Query
from flrouter.web.calls.shapes import FloodlightDetail, Me, Request, SwitchDetail, Trace
from flrouter.web.calls.turns import in_turns

#: requests of one switch that are shown.
MAX_SHOWN_REQUESTS = 100


def _incomplete(missing: Iterable[str], what: str) -> Refusal:
    told = f" ({', '.join(missing)} did not answer)" if missing else ""
    text = f"{what} may exist, but a part of the router is unavailable{told}: try again in a moment"
    return Refusal(503, text, {"Retry-After": "2"})


# -- floodlights ----------------------------------------------------------------------------------


async def floodlight(call: Call, name: str) -> FloodlightDetail:
    """An FL as all workers know it.

    Raises:
        Refusal: it is not known, or nobody can tell.
    """
    own = (await floodlights.heard_of(call.site)).get(name)
    known_rows = [own] if own is not None else []
    absent = set(not_owned(call.app))
    missing: list[str] = []
    if not call.local:
        path = f"{BASE}/floodlights/{quote(name, safe='')}"
        others, missing = await call.site.workers.ask(path, Query(), FloodlightDetail)
        known_rows += [other.floodlight for other in others]
        for other in others:
            absent &= set(other.missing_shards)
    if not known_rows and (missing or not list(call.app.shards.numbers)):
        raise _incomplete(missing, f"a floodlight {name}")
    row = newest(known_rows) if known_rows else None
    if row is None or (row.state == "removed" and not call.local):
        text = f"there is no floodlight {name}: {BASE}/floodlights lists those there are"
        raise Refusal(404, text)
    return FloodlightDetail(row, missing, sorted(absent))


async def _floodlight(call: Call) -> FloodlightDetail:
    return await floodlight(call, call.names["id"])


# -- switches -------------------------------------------------------------------------------------


async def switch(call: Call, given: str) -> SwitchDetail:
    """A switch as its home knows it.

    Raises:
        Refusal: it is not known, or its home does not answer.
    """
    name = read_switch(given)
    number = home(name, call.app.settings.partitions)
    shard = call.app.shards.shard(number)
    if shard is not None:
        row = shard.context.switches.get(name)
        if row is None:
            text = f"no floodlight holds a switch {name}: {BASE}/switches lists those there are"
            raise Refusal(404, text)
        pending = shard.context.pending
        waiting = [
            rows.pending(number, request, pending[request])
            for request in shard.pending_at(name)[:MAX_SHOWN_REQUESTS]
        ]
        return SwitchDetail(rows.switch(number, name, row), waiting)
    if not call.local:
        path = f"{BASE}/switches/{name}"
        owners = [url for url, has in call.site.workers.shards().items() if number in has]
        details, missing = await call.site.workers.ask(path, Query(), SwitchDetail, number)
        if details:
            return details[0]
        if owners and not missing:
            raise Refusal(404, f"no floodlight holds a switch {name}")
        raise _incomplete(missing, f"a switch {name}")
    raise _incomplete((), f"a switch {name}")


async def _switch(call: Call) -> SwitchDetail:
    return await switch(call, call.names["id"])


# -- requests -------------------------------------------------------------------------------------


async def trace(call: Call, correlation_id: str) -> Trace:
    """All requests with a correlation id.

    Raises:
        Refusal: none is known, or nobody can tell.
    """
    requests: dict[str, Request] = {}
    absent = set(not_owned(call.app))
    missing: list[str] = []
    async with call.site.scans.turn():
        for shard in list(call.app.shards.owned()):
            await _look(shard, correlation_id, requests)
        # Then those that have ended, perhaps since their shard was looked at.
        answered_since, failed_since = call.app.shards.ended.since()
        await _remember(call, correlation_id, requests)
    if not call.local:
        path = f"{BASE}/requests/{quote(correlation_id, safe='')}"
        others, missing = await call.site.workers.ask(path, Query(), Trace)
        for other in others:
            absent &= set(other.missing_shards)
            answered_since = max(answered_since, other.answered_since)
            failed_since = max(failed_since, other.failed_since)
            for row in other.requests:
                requests[row.request] = _known_better(requests.get(row.request), row)
        if not requests and (missing or absent):
            raise _incomplete(missing, f"a request {correlation_id[:100]}")
        if not requests:
            text = (
                f"no request with the correlation id {correlation_id[:100]} is known: it never"
                f" came, or it ended too long ago. Since {_moment(answered_since)} all that were"
                f" answered are remembered, since {_moment(failed_since)} all that failed"
            )
            raise Refusal(404, text)
    in_order = sorted(requests.values(), key=lambda row: (row.received, row.request))
    return Trace(correlation_id, in_order, missing, sorted(absent), answered_since, failed_since)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


async def _requests(call: Call) -> Trace:
    return await trace(call, call.names["correlation_id"])


async def _look(shard: Shard, correlation_id: str, requests: dict[str, Request]) -> None:
    """Find what a shard's tables have of a correlation id."""
    context, number = shard.context, shard.context.number
    for numbers in in_turns(list(context.pending)):
        for request in numbers:
            pending = context.pending.get(request)
            if pending is not None and pending.correlation_id == correlation_id:
                requests[request] = rows.pending(number, request, pending)
        await asyncio.sleep(0)
    for numbers in in_turns(list(context.blacklist)):
        for request in numbers:
            barred = context.blacklist.get(request)
            if barred is not None and barred.correlation_id == correlation_id:
                requests[request] = _known_better(
                    requests.get(request), rows.barred(number, request, barred)
                )
        await asyncio.sleep(0)
    for numbers in in_turns(list(context.gathers)):
        for request in numbers:
            gather = context.gathers.get(request)
            if isinstance(gather, Gather) and gather.correlation_id == correlation_id:
                requests[request] = _known_better(
                    requests.get(request), rows.gather(shard, request, gather)
                )
        await asyncio.sleep(0)


async def _remember(call: Call, correlation_id: str, requests: dict[str, Request]) -> None:
    """Find what this worker remembers of those that have had their answer."""
    told = correlation_id[:MAX_TOLD_CHARACTERS]
    for chunks in in_turns(call.app.shards.ended.last()):
        for chunk in chunks:
            for end in chunk.about(told):
                row = rows.ended(chunk.shard, end)
                requests[end.number] = _known_better(requests.get(end.number), row)
        await asyncio.sleep(0)


def _known_better(one: Request | None, other: Request) -> Request:
    """Of two rows of one request, the one with its end; and until when it is blacklisted."""
    if one is None:
        return other
    best = other if other.ended > one.ended else one
    best.blacklisted = max(one.blacklisted, other.blacklisted)
    return best


# -- who asks -------------------------------------------------------------------------------------


async def _me(call: Call) -> Me:
    name, role = call.person or ("", Role.READER)
    return Me(name, role.value, bool(call.app.settings.token))


OPERATIONS = (
    Operation("GET", "/me", "Who asks, and may do what.", _me, Me),
    Operation(
        "GET", "/floodlights/{id}", "An FL.", _floodlight, FloodlightDetail, Query, None, (404, 503)
    ),
    Operation("GET", "/switches/{id}", "A switch.", _switch, SwitchDetail, Query, None, (404, 503)),
    Operation(
        "GET",
        "/requests/{correlation_id}",
        "Where the commands with this correlation id went, when, and who answered.",
        _requests,
        Trace,
        Query,
        None,
        (404, 503),
    ),
)
