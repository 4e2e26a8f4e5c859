"""The pages: paths, queries and methods as anybody may ask for them, without a socket."""

from __future__ import annotations

import asyncio
import functools
import json
import warnings
from types import SimpleNamespace
from typing import Any

from flrouter.app import create_app
from flrouter.core.values import peers
from flrouter.core.values.inputs import Told
from flrouter.settings.model import load
from flrouter.web.calls.call import Refusal, refused
from tests.fuzz.field import FLS, Field

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")


@functools.cache
def _site() -> tuple[asyncio.AbstractEventLoop, Any]:
    """A worker's web application, with a shard to show."""
    loop = asyncio.new_event_loop()
    app = create_app(load({}))
    field = Field()
    field.give(field.shards[0].context.home(FLS[0]), [Told(peers.AddFloodlight(FLS[0]))])
    for number, core in enumerate(field.shards):
        app.shards.ownership.runners[number] = SimpleNamespace(core=core, waiting=0, progress={})  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Faust adds its own pages in an old way
        app.web.init_server()
    app.web.web_app.on_response_prepare.freeze()  # as a server does when it starts
    return loop, app.web.web_app


def pages(data: bytes) -> None:
    """A method, a space, a path with its query: an answer or a refusal, never a failure."""
    from aiohttp.test_utils import make_mocked_request
    from aiohttp.web import HTTPException

    method, _, path = data.decode("latin-1").partition(" ")
    if method not in _METHODS:
        method = "GET"
    target = "".join(letter for letter in path if letter > " " and letter != "\x7f")
    try:
        # What is no request target at all is refused by aiohttp's own reader of requests.
        request = make_mocked_request(method, "/" + target.lstrip("/"))
    except ValueError:
        return
    if request.path.startswith("/dashboard/events"):
        return  # it has no end
    loop, site = _site()
    try:
        answer = loop.run_until_complete(site._handle(request))
    except HTTPException as refusal:
        answer = refusal
    except Refusal as refusal:
        answer = refused(refusal)  # as a middleware does, which only runs in a server
    assert answer.status < 500 or answer.status == 503, answer
    if request.path.startswith("/api/") and answer.status == 200 and answer.body:
        json.loads(bytes(answer.body))
