"""What every answer of the web server says of itself, and how the API refuses what it has not."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from flrouter import __version__, browsers
from flrouter.runtime.app import RouterApp
from flrouter.web.api.call import BASE, Refusal
from flrouter.web.api.operations import refused
from flrouter.web.api.workers import VERSION


def register(app: RouterApp) -> None:
    """Give all answers of `app` those headers, and its API no other errors than its own."""
    browsers.tell(app)
    site: web.Application = app.web.web_app
    site.on_response_prepare.append(_introduce)
    site.middlewares.append(_in_json)


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
        what = f"{request.method} {request.path[:200]}"
        text = f"{what}: {error.reason}. {BASE}/openapi.json has what there is"
        return refused(Refusal(error.status, text, headers))
    return answer
