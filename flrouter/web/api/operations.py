"""All requests of the API, and how each is served."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web
from faust.web import View

from flrouter.web.access.guard import Guard
from flrouter.web.access.recognition import PERSON
from flrouter.web.api import changes, orders
from flrouter.web.api.openapi import register as describe
from flrouter.web.api.reading import history, lists, ones, series
from flrouter.web.calls.call import BASE, Call, Operation, Refusal, Site, answered

OPERATIONS: tuple[Operation, ...] = (
    *lists.OPERATIONS,
    *ones.OPERATIONS,
    *series.OPERATIONS,
    *history.OPERATIONS,
    *changes.OPERATIONS,
)

#: bytes of the body of a request.
MAX_BODY_BYTES = 10_000

Query = TypeVar("Query", bound=msgspec.Struct)


def register(site: Site, guard: Guard) -> None:
    """Give the site's app the API."""
    for operation in OPERATIONS:
        _serve(site, guard, operation)
    describe(site.app, OPERATIONS)


def _serve(site: Site, guard: Guard, operation: Operation) -> None:
    async def serve(view: Any, request: web.Request, **names: str) -> web.Response:
        call: Call | None = None
        try:
            call = await _read(site, guard, operation, request)
            answer = await operation.handle(call, *names.values())
        except Refusal as refusal:
            orders.remember(site.app.history, operation, request, call, str(refusal))
            raise
        orders.remember(site.app.history, operation, request, call, orders.DONE)
        return answered(answer, 200 if operation.body is None else 202)

    method = operation.method.lower()
    view = type("ApiView", (View,), {method: serve, "__module__": __name__})
    site.app.page(BASE + operation.path, name=f"{method} {operation.path}")(view)


async def _read(site: Site, guard: Guard, operation: Operation, request: web.Request) -> Call:
    """Read and admit a request. Raises :class:`Refusal`."""
    body: Any = None
    person = request.get(PERSON)
    if operation.body is not None:
        guard.admit(request.headers.get("Authorization"), request.remote or "", person)
        if person is not None and request.content_type != "application/json":
            # A page of another site can have a browser send any other kind, with its cookies.
            raise Refusal(400, "body: expected the header Content-Type: application/json")
        given = await _body(request)
        try:
            body = msgspec.json.decode(given or b"{}", type=operation.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(400, f"body: {error}. See {BASE}/openapi.json") from None
    query = read_query(request, operation.query)
    return Call(site, query, body, person)


def read_query(request: web.Request, kind: type[Query]) -> Query:
    """The parameters of a request. Raises :class:`Refusal`."""
    given = request.query
    if len(given) != len(set(given)):
        raise Refusal(400, "query: a parameter is given twice")
    try:
        return msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(400, f"query: {error}. See {BASE}/openapi.json") from None


async def _body(request: web.Request) -> bytes:
    data = b""
    async for chunk in request.content.iter_chunked(MAX_BODY_BYTES):
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise Refusal(413, f"the body is too large: at most {MAX_BODY_BYTES} bytes are read")
    return data
