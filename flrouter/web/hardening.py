"""What holds for every request: who may read, which headers answers have, refusals in JSON."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from flrouter import __version__
from flrouter.faust_side.base import BaseApp
from flrouter.web.access.guard import Guard
from flrouter.web.access.recognition import PERSON, Recognition
from flrouter.web.calls.call import BASE, Refusal, refused
from flrouter.web.calls.workers import VERSION
from flrouter.web_port import browsers

#: these need no token: probes have none, and learn only whether this worker is well.
PROBES = {"/healthz", "/readyz"}


def register(app: BaseApp, guard: Guard) -> None:
    """Have `app` answer only the readers whom the guard admits, and refuse in JSON."""
    browsers.protect(app)
    site: web.Application = app.web.web_app
    site.on_response_prepare.append(_introduce)
    site.middlewares.append(_in_json)
    site.middlewares.append(web.middleware(partial(_admitted, guard, Recognition(app, guard))))


async def _introduce(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[VERSION] = __version__
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def _in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is refused, also an unknown path or method of the API."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refused(refusal)
    except web.HTTPException as error:
        if not request.path.startswith("/api/") or error.status < 400:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        request_line = f"{request.method} {request.path[:200]}"
        text = f"{request_line}: {error.reason}. {BASE}/openapi.json has what there is"
        return refused(Refusal(error.status, text, headers))


async def _admitted(
    guard: Guard, recognition: Recognition, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Recognise who asks, and admit readers. Changes are admitted by the API."""
    if request.path not in PROBES:
        await recognition.recognise(request)
        if request.method != "POST":
            shown = request.headers.get("Authorization")
            guard.admit_reader(shown, request.remote or "", request[PERSON])
    return await handler(request)
