"""The web port of the history worker: answers from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from flrouter.history.search import (
    EndedPage,
    EndedWhole,
    EventSearch,
    HappenedPage,
    Search,
    StoreFailed,
)
from flrouter.history.store import Store
from flrouter.history.worker.metrics import Metrics
from flrouter.network.listener import Listener
from flrouter.web import hardening
from flrouter.web.access.guard import Guard
from flrouter.web.api import openapi
from flrouter.web.api.operations import read_query
from flrouter.web.api.reading.history import OPERATIONS, PastRequest
from flrouter.web.api.reading.lists import read_switch
from flrouter.web.calls.call import BASE, Operation, Refusal, answered
from flrouter.web.calls.scans import Scans

Asked = TypeVar("Asked", Search, EventSearch)


def register(app: Listener, store: Store, metrics: Metrics) -> None:
    """Give the history worker its part of the API.

    Readers are admitted as at the router's workers, by the same tokens and roles.
    """
    scans = Scans()

    def serve(operation: Operation, look: Callable[..., msgspec.Struct]) -> None:
        searches = metrics.searches.labels(app.settings.app_id, operation.path)

        async def handle(view: Any, request: web.Request, **names: str) -> web.Response:
            query = read_query(request, operation.query)
            try:
                async with scans.turn():
                    with searches.time():
                        return answered(await asyncio.to_thread(look, store, query, **names))
            except StoreFailed as error:
                raise Refusal(503, str(error), {"Retry-After": "5"}) from error

        app.page(BASE + operation.path, name=operation.path)(handle)

    looks: list[Callable[..., msgspec.Struct]] = [_requests, _events, _request]
    for operation, look in zip(OPERATIONS, looks, strict=True):
        serve(operation, look)
    openapi.register(app, OPERATIONS)
    hardening.register(app, Guard(app.settings.token, app.settings.read_token))


def _requests(store: Store, query: Search) -> EndedPage:
    page = store.search(_canonical(query))
    page.oldest = store.extent().oldest
    return page


def _events(store: Store, query: EventSearch) -> HappenedPage:
    page = store.events(_canonical(query))
    page.oldest = store.extent().oldest
    return page


def _canonical(query: Asked) -> Asked:
    if not query.switch:
        return query
    return msgspec.structs.replace(query, switch=read_switch(query.switch))


def _request(store: Store, query: PastRequest, *, id: str) -> EndedWhole:  # noqa: A002
    whole = store.request(id)
    if whole is None:
        text = f"the history has no request {id[:30]}: there was none, or it is too old"
        raise Refusal(404, text)
    return EndedWhole(whole.request, whole.parts[: query.limit])
