"""The history worker's port: answers from the store, for whom the router's settings admit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from flrouter.history import record, search
from flrouter.history.search import BadSearch, EventSearch, Search, Store, StoreFailed
from flrouter.web import hardening
from flrouter.web.access.guard import Guard
from flrouter.web.access.hosted import Hosted
from flrouter.web.api.openapi import document
from flrouter.web.api.operations import read_query, refused
from flrouter.web.api.reading.lists import read_switch
from flrouter.web.calls.call import BASE, Refusal
from flrouter.web.calls.scans import Scans
from flrouter.web.history import shapes
from flrouter.web.history.asking import OPERATIONS

_encode = msgspec.json.Encoder().encode


def register(app: Hosted, store: Store) -> None:
    """Give the history worker its part of the API.

    Whoever may read at the router's workers may read here: by the same tokens and roles.
    """
    scans = Scans()

    def serve(path: str, kind: type[msgspec.Struct], look: Callable[..., msgspec.Struct]) -> None:
        async def handle(view: Any, request: web.Request, **names: str) -> web.Response:
            try:
                query = read_query(request, kind)
                async with scans.turn():
                    answer = await _answered(asyncio.to_thread(look, store, query, **names))
            except Refusal as refusal:
                return refused(refusal)
            return web.Response(body=_encode(answer), content_type="application/json")

        app.page(BASE + path, name=path)(handle)

    described = _encode(document(OPERATIONS))

    async def openapi(view: Any, request: web.Request) -> web.Response:
        return web.Response(body=described, content_type="application/json")

    app.page(f"{BASE}/openapi.json", name="openapi")(openapi)
    serve("/history", shapes.PastRequests, requests)
    serve("/history/events", shapes.PastEvents, events)
    serve("/history/requests/{id}", shapes.PastRequest, request)
    hardening.register(app, Guard(app.settings.token, app.settings.read_token))


async def _answered(looking: Awaitable[msgspec.Struct]) -> msgspec.Struct:
    try:
        return await looking
    except BadSearch as error:
        raise Refusal(400, f"query: {error}") from None
    except StoreFailed as error:
        raise Refusal(503, str(error), {"Retry-After": "5"}) from None


def requests(store: Store, query: shapes.PastRequests) -> shapes.EndedPage:
    """A page of requests.

    Raises:
        Refusal: the switch is none.
        BadSearch: it cannot be asked so.
        StoreFailed: the database is away.
    """
    page = store.search(
        Search(
            since=query.since,
            until=query.until,
            switch=read_switch(query.switch) if query.switch else "",
            floodlight=query.floodlight,
            error=query.error,
            completed=query.completed,
            kind=query.kind,
            correlation_id=query.correlation_id,
            limit=query.limit,
            cursor=query.after,
        )
    )
    rows = [_ended(one) for one in page.requests]
    return shapes.EndedPage(rows, page.cursor or None, store.extent().oldest)


def events(store: Store, query: shapes.PastEvents) -> shapes.HappenedPage:
    """A page of events. Raises as :func:`requests`."""
    page = store.events(
        EventSearch(
            since=query.since,
            until=query.until,
            switch=read_switch(query.switch) if query.switch else "",
            floodlight=query.floodlight,
            kind=query.kind,
            who=query.who,
            limit=query.limit,
            cursor=query.after,
        )
    )
    rows = [shapes.Happened(**msgspec.structs.asdict(one)) for one in page.events]
    return shapes.HappenedPage(rows, page.cursor or None, store.extent().oldest)


def request(store: Store, query: shapes.PastRequest, *, id: str) -> shapes.EndedWhole:  # noqa: A002
    """One request whole.

    Raises:
        Refusal: there is none.
        StoreFailed: the database is away.
    """
    whole: search.Whole | None = store.request(id)
    if whole is None:
        text = f"the history has no request {id[:30]}: it never had, or it is too long ago"
        raise Refusal(404, text)
    parts = [_ended(part) for part in whole.parts[: query.limit]]
    return shapes.EndedWhole(_ended(whole.request), parts)


def _ended(request: record.Request) -> shapes.Ended:
    return shapes.Ended(
        request.id,
        request.correlation_id,
        request.number,
        request.kind,
        request.switch,
        request.floodlight,
        request.error,
        request.message,
        request.reply_topic,
        request.origin,
        request.part,
        request.parts,
        request.received,
        request.sent,
        request.acked,
        request.answered,
        request.delivered,
        request.trace,
        request.shard,
        request.worker,
        request.command.decode("utf-8", "replace"),
        request.answer.decode("utf-8", "replace"),
    )
