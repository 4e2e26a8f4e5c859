"""A request to the API, and its answer or refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiohttp import web

from flrouter.web.calls.queries import Query
from flrouter.web.calls.shapes import Problem

if TYPE_CHECKING:
    from flrouter.faust_side.app import RouterApp
    from flrouter.web.access.people import Person
    from flrouter.web.calls.scans import Scans
    from flrouter.web.calls.tally import Tally
    from flrouter.web.calls.workers import Workers
    from flrouter.web.series.recorder import Recorder

#: the path of the API.
BASE = "/api/v1"

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):
    """A request that is refused; the text says what to do."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = dict(headers or {})


def answered(
    answer: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer in JSON; bytes are JSON already."""
    body = answer if isinstance(answer, bytes) else _encode(answer)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def refused(refusal: Refusal) -> web.Response:
    """The answer to a request that is refused."""
    return answered(Problem(str(refusal)), refusal.status, refusal.headers)


class Site(NamedTuple):
    """What all requests share."""

    app: RouterApp
    tally: Tally
    workers: Workers
    scans: Scans
    recorder: Recorder


class Call(NamedTuple):
    """One request, read and admitted."""

    site: Site
    query: Any
    body: Any
    #: who makes it, if a proxy or a provider says so.
    person: Person | None = None

    @property
    def local(self) -> bool:
        """Whether it is about this worker's own shards alone."""
        return bool(getattr(self.query, "local", False))

    @property
    def app(self) -> RouterApp:
        """The router."""
        return self.site.app


class Operation(NamedTuple):
    """One kind of request. The OpenAPI document is made of these."""

    #: below :data:`BASE`.
    path: str
    summary: str
    #: takes the call, and the name in the path if there is one.
    handle: Callable[..., Awaitable[Any]]
    #: the class of its answer.
    answer: Any
    query: type[msgspec.Struct] = Query
    #: None: it changes nothing.
    body: type[msgspec.Struct] | None = None
    #: statuses of refusals, beside those of all requests of its kind.
    refusals: tuple[int, ...] = ()

    @property
    def method(self) -> str:
        """Of HTTP."""
        return "GET" if self.body is None else "POST"
