"""Lists: pages of what all shards hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from flrouter.core.floodlights.sync_run import SyncStatus
from flrouter.core.shard import Shard
from flrouter.core.values.records import Barred, Gather, Part, Pending
from flrouter.core.values.records import Switch as SwitchRow
from flrouter.faust_side.app import RouterApp
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.web.api.reading import floodlights, rows, workload
from flrouter.web.api.reading.paging import first_keys, merged
from flrouter.web.calls import queries
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.shapes import Floodlight, Page, Request, ShardRow, Switch, Worker

Row = TypeVar("Row")


def _listing(
    name: str,
    summary: str,
    query: type[queries.Listing],
    row: Any,
    local: Callable[[Call], Awaitable[Page[Any]]],
    key: Callable[[Any], str],
    combined: Callable[[list[Any]], Any] = lambda rows: rows[0],
) -> Operation:
    """A list that every worker has a part of."""
    page = Page[row]

    async def handle(call: Call) -> Page[Any]:
        own = await local(call)
        if call.query.local:
            return own
        others, missing = await call.site.workers.ask(f"{BASE}/{name}", call.query, page)
        whole = merged([own, *others], call.query.limit, key, combined)
        whole.missing = missing
        return whole

    return Operation(f"/{name}", summary, handle, page, query)


def not_owned(app: RouterApp) -> list[int]:
    """The shards that this worker does not have."""
    return sorted(set(range(app.settings.partitions)) - set(app.shards.by_number))


async def _table(
    call: Call,
    name: str,
    shown: Callable[[Shard, str, Any], Row],
    wanted: Callable[[Any], bool] | None,
) -> Page[Row]:
    """A page of one table of this worker's shards."""
    query: queries.Listing = call.query
    absent, shards = not_owned(call.app), list(call.app.shards.owned())
    tables: list[Mapping[str, Any]] = [getattr(shard.context, name) for shard in shards]
    async with call.site.scans.turn():
        keys = await first_keys(tables, query.after, query.limit + 1, wanted)
    by_key: dict[str, Row] = {}
    for shard, table in zip(shards, tables, strict=True):
        for key in keys[: query.limit]:
            row = table.get(key)
            if row is not None:
                by_key[key] = shown(shard, key, row)
        await asyncio.sleep(0)
    return Page(
        [by_key[key] for key in sorted(by_key)],
        keys[query.limit - 1] if len(keys) > query.limit else None,
        missing_shards=absent,
    )


def _page_of(by_key: Mapping[str, Row], query: queries.Listing, absent: list[int]) -> Page[Row]:
    """A page of a few rows."""
    keys = sorted(key for key in by_key if key > query.after)
    more = keys[query.limit - 1] if len(keys) > query.limit else None
    return Page([by_key[key] for key in keys[: query.limit]], more, missing_shards=absent)


def read_switch(text: str) -> str:
    """The canonical id of a switch.

    Raises:
        Refusal: the text is not a switch id.
    """
    try:
        return canonical(text)
    except BadSwitchId as error:
        raise Refusal(400, f"{error}; expected eight bytes as 00:00:00:00:00:00:00:09") from None


async def _switches(call: Call) -> Page[Switch]:
    query: queries.Switches = call.query
    wanted = None
    if query.floodlight or query.active or query.region or query.unmanaged is not None:

        def wanted(row: SwitchRow) -> bool:
            return (
                (not query.floodlight or query.floodlight in row.holders)
                and query.active in ("", row.active)
                and query.region in ("", row.region)
                and query.unmanaged in (None, row.unmanaged)
            )

    return await _table(call, "switches", rows.switch, wanted)


async def _pending(call: Call) -> Page[Request]:
    query: queries.Pending = call.query
    switch = read_switch(query.switch) if query.switch else ""

    def wanted(row: Pending) -> bool:
        return (
            query.floodlight in ("", row.floodlight)
            and switch in ("", row.switch)
            and query.correlation_id in ("", row.correlation_id)
            and query.state in (None, rows.STATES[row.stage])
            and row.received >= query.since
        )

    return await _table(call, "pending", rows.pending, wanted)


async def _blacklist(call: Call) -> Page[Request]:
    query: queries.Blacklist = call.query

    def wanted(row: Barred) -> bool:
        return query.floodlight in ("", row.floodlight) and (
            query.correlation_id in ("", row.correlation_id)
        )

    return await _table(call, "blacklist", rows.barred, wanted)


async def _gathers(call: Call) -> Page[Request]:
    query: queries.Gathers = call.query

    def wanted(row: Gather | Part) -> bool:
        return (
            isinstance(row, Gather)
            and query.correlation_id in ("", row.correlation_id)
            and query.state in (None, rows.gather_state(row))
            and row.received >= query.since
        )

    return await _table(call, "gathers", rows.gather, wanted)


async def _local_floodlights(call: Call) -> Page[Floodlight]:
    return _page_of(await floodlights.heard_of(call.site), call.query, not_owned(call.app))


_floodlight_list = _listing(
    "floodlights",
    "The FLs that the router knows, by id.",
    queries.Floodlights,
    Floodlight,
    _local_floodlights,
    attrgetter("id"),
    floodlights.newest,
)


async def all_floodlights(call: Call) -> Page[Floodlight]:
    """FLs, filtered when all workers were asked: they may differ for a moment."""
    query: queries.Floodlights = call.query
    everything = queries.Floodlights(limit=query.limit, after=query.after, local=query.local)
    page: Page[Floodlight] = await _floodlight_list.handle(call._replace(query=everything))
    if query.state is not None:
        page.items = [row for row in page.items if row.state == query.state]
    elif not query.local:
        page.items = [row for row in page.items if row.state != "removed"]
    return page


async def _syncs(call: Call) -> Page[SyncStatus]:
    query: queries.Syncs = call.query
    by_name = {
        status.floodlight: status
        for shard in call.app.shards.owned()
        for status in shard.syncs.status()
        if query.running in (None, status.running)
    }
    return _page_of(by_name, query, not_owned(call.app))


async def _shards(call: Call) -> Page[ShardRow]:
    return _page_of(workload.shards(call.site), call.query, not_owned(call.app))


async def _workers(call: Call) -> Page[Worker]:
    """The workers, also those that should answer and do not."""
    own = workload.this_worker(call.site)
    by_url = {own.url: own}
    if call.query.local:
        return _page_of(by_url, call.query, not_owned(call.app))
    path = f"{BASE}/workers"
    others, missing = await call.site.workers.ask(path, queries.Listing(), Page[Worker])
    by_url |= {row.url: row for page in others for row in page.items}
    shards = call.site.workers.shards()
    by_url |= {url: Worker(url, shards.get(url, []), answering=False) for url in missing}
    known = {shard for row in by_url.values() for shard in row.shards if row.answering}
    absent = sorted(set(range(call.app.settings.partitions)) - known)
    page = _page_of(by_url, call.query, absent)
    page.missing = missing
    return page


OPERATIONS = (
    _floodlight_list._replace(handle=all_floodlights),
    _listing(
        "switches",
        "The switches that FLs are connected to or an operator placed, by id.",
        *(queries.Switches, Switch, _switches, attrgetter("id")),
    ),
    _listing(
        "pending",
        "The commands that have no answer yet, by request number.",
        *(queries.Pending, Request, _pending, attrgetter("request")),
    ),
    _listing(
        "blacklist",
        "The commands whose late answers are dropped, by request number.",
        *(queries.Blacklist, Request, _blacklist, attrgetter("request")),
    ),
    _listing(
        "gathers",
        "The commands to several switches or FLs, by request number.",
        *(queries.Gathers, Request, _gathers, attrgetter("request")),
    ),
    _listing(
        "syncs",
        "How far each FL's sync is, by FL.",
        *(queries.Syncs, SyncStatus, _syncs, attrgetter("floodlight")),
    ),
    _listing(
        "shards",
        "The shards, and how much each has to do.",
        *(queries.Listing, ShardRow, _shards, lambda row: f"{row.shard:04}"),
    ),
    Operation("/workers", "The workers.", _workers, Page[Worker], queries.Listing),
)
