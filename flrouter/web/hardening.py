"""What holds for every request: who may read, what answers say of themselves, 404 and 405."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from flrouter import __version__
from flrouter.web.access.guard import Guard
from flrouter.web.access.recognition import ADDRESS, PERSON, Recognition
from flrouter.web.calls.answers import refused
from flrouter.web.calls.call import BASE, Refusal
from flrouter.web.calls.hosted import Hosted
from flrouter.web.calls.workers import VERSION
from flrouter.web_port import browsers

#: what needs no token: probes have none, and it tells no more than whether this worker is well.
PROBES = {"/healthz", "/readyz"}


def register(app: Hosted, guard: Guard) -> None:
    """Have `app` answer readers whom the guard admits, with those headers, and its API give no
    other errors than its own.
    """
    recognition = Recognition(app, guard)
    browsers.tell(app)
    site: web.Application = app.web.web_app
    site.on_response_prepare.append(_introduce)
    site.middlewares.append(_in_json)
    site.middlewares.append(web.middleware(partial(_admitted, guard, recognition)))


async def _introduce(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[VERSION] = __version__
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def _in_json(request: web.Request, handler: Any) -> web.StreamResponse:
    """Also a path or a method that there is not is refused as all else is."""
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        if not request.path.startswith("/api/") or error.status < 400:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        request_line = f"{request.method} {request.path[:200]}"
        text = f"{request_line}: {error.reason}. {BASE}/openapi.json has what there is"
        return refused(Refusal(error.status, text, headers))
    return answer


async def _admitted(
    guard: Guard, recognition: Recognition, request: web.Request, handler: Any
) -> web.StreamResponse:
    """Changes have a guard of their own, who wants more."""
    address = request.remote or ""
    try:
        if request.path not in PROBES:
            person = await recognition.person(request.headers, address)
            request[PERSON] = person
            request[ADDRESS] = recognition.address(request.headers, address)
            if request.method != "POST":
                shown = request.headers.get("Authorization")
                guard.admit_reader(shown, address, person)
    except Refusal as refusal:
        return refused(refusal)
    answer: web.StreamResponse = await handler(request)
    return answer
