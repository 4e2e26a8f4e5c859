"""One FL, one switch, one correlation id; and who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flrouter.core.shard import Shard
from flrouter.core.state.context import MAX_TOLD_CHARACTERS
from flrouter.core.values.home import home
from flrouter.core.values.records import Part
from flrouter.web.access.people import Role
from flrouter.web.api.reading import floodlights, rows
from flrouter.web.api.reading.lists import not_owned, read_switch
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.queries import Query
from flrouter.web.calls.scans import in_turns
from flrouter.web.calls.shapes import FloodlightDetail, Me, Request, SwitchDetail, Trace

#: requests of one switch that are shown.
MAX_SHOWN_REQUESTS = 100
#: tables with requests, and how their rows are shown.
_TABLES: dict[str, Callable[[Shard, str, Any], Request]] = {
    "pending": rows.pending,
    "blacklist": rows.barred,
    "gathers": rows.gather,
}


def _incomplete(missing: Iterable[str], what: str) -> Refusal:
    silent = f" ({', '.join(missing)} did not answer)" if missing else ""
    text = (
        f"{what} may exist, but a part of the router is unavailable{silent}: try again in a moment"
    )
    return Refusal(503, text, {"Retry-After": "2"})


async def floodlight(call: Call, name: str) -> FloodlightDetail:
    """An FL as all workers know it.

    Raises:
        Refusal: it is not known, or workers that may know it do not answer.
    """
    own = (await floodlights.heard_of(call.site)).get(name)
    known_rows = [own] if own is not None else []
    absent = set(not_owned(call.app))
    missing: list[str] = []
    if not call.local:
        path = f"{BASE}/floodlights/{quote(name, safe='')}"
        others, missing = await call.site.workers.ask(path, Query(), FloodlightDetail)
        known_rows += [other.floodlight for other in others]
        absent = absent.intersection(*(other.missing_shards for other in others))
    if not known_rows and (missing or not call.app.shards.by_number):
        raise _incomplete(missing, f"a floodlight {name}")
    row = floodlights.newest(known_rows) if known_rows else None
    if row is None or (row.state == "removed" and not call.local):
        text = f"there is no floodlight {name}: {BASE}/floodlights lists those there are"
        raise Refusal(404, text)
    return FloodlightDetail(row, missing, sorted(absent))


async def switch(call: Call, given: str) -> SwitchDetail:
    """A switch as its home knows it.

    Raises:
        Refusal: it is not known, or its home does not answer.
    """
    name = read_switch(given)
    number = home(name, call.app.settings.partitions)
    shard = call.app.shards.by_number.get(number)
    if shard is not None:
        row = shard.context.switches.get(name)
        if row is None:
            text = f"no floodlight is connected to a switch {name}: see {BASE}/switches"
            raise Refusal(404, text)
        pending = shard.context.pending
        waiting = [
            rows.pending(shard, request, pending[request])
            for request in shard.requests.at(name)[:MAX_SHOWN_REQUESTS]
        ]
        return SwitchDetail(rows.switch(shard, name, row), waiting)
    if call.local:
        raise _incomplete((), f"a switch {name}")
    has_owner = any(number in shards for shards in call.site.workers.shards().values())
    path = f"{BASE}/switches/{name}"
    details, missing = await call.site.workers.ask(path, Query(), SwitchDetail, number)
    if details:
        return details[0]
    if has_owner and not missing:
        raise Refusal(404, f"no floodlight is connected to a switch {name}")
    raise _incomplete(missing, f"a switch {name}")


async def trace(call: Call, correlation_id: str) -> Trace:
    """All requests with a correlation id.

    Raises:
        Refusal: none is known, or workers that may know some do not answer.
    """
    requests: dict[str, Request] = {}
    absent = set(not_owned(call.app))
    missing: list[str] = []
    async with call.site.scans.turn():
        for shard in list(call.app.shards.owned()):
            await _look(shard, correlation_id, requests)
        # Ended ones last: a request may end after its shard was looked at.
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
                _add(requests, row)
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


async def _look(shard: Shard, correlation_id: str, requests: dict[str, Request]) -> None:
    """Add the requests in a shard's tables."""
    for name, shown in _TABLES.items():
        table = getattr(shard.context, name)
        for numbers in in_turns(list(table)):
            for number in numbers:
                row = table.get(number)
                if row is None or isinstance(row, Part) or row.correlation_id != correlation_id:
                    continue
                _add(requests, shown(shard, number, row))
            await asyncio.sleep(0)


async def _remember(call: Call, correlation_id: str, requests: dict[str, Request]) -> None:
    """Add the requests that have ended and that this worker remembers."""
    kept_text = correlation_id[:MAX_TOLD_CHARACTERS]
    for chunks in in_turns(call.app.shards.ended.last()):
        for chunk in chunks:
            for end in chunk.about("correlation_id", kept_text):
                _add(requests, rows.ended(chunk.shard, end))
        await asyncio.sleep(0)


def _add(requests: dict[str, Request], row: Request) -> None:
    """Add a request. Of two rows of one, the one with its end stays, blacklisted or not."""
    known = requests.get(row.request)
    if known is not None:
        blacklisted = max(known.blacklisted, row.blacklisted)
        row = row if row.ended > known.ended else known
        row.blacklisted = blacklisted
    requests[row.request] = row


async def _me(call: Call) -> Me:
    name, role = call.person or ("", Role.READER)
    return Me(name, role.value, bool(call.app.settings.token))


OPERATIONS = (
    Operation("/me", "Who asks, and may do what.", _me, Me),
    Operation("/floodlights/{id}", "An FL.", floodlight, FloodlightDetail, refusals=(404,)),
    Operation("/switches/{id}", "A switch.", switch, SwitchDetail, refusals=(404,)),
    Operation(
        "/requests/{correlation_id}",
        "Where the commands with this correlation id went, when, and who answered.",
        trace,
        Trace,
        refusals=(404,),
    ),
)
