"""What every answer of the web server tells browsers, and how the API refuses what it has not."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from flrouter import __version__
from flrouter.runtime.app import RouterApp
from flrouter.web.api.call import BASE, Refusal
from flrouter.web.api.operations import refused
from flrouter.web.api.workers import VERSION

#: pages get nothing from elsewhere and are shown in no other, and are taken for what they say.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    VERSION: __version__,
}


def register(app: RouterApp) -> None:
    """Give all answers of `app` those headers, and its API no other errors than its own."""
    site: web.Application = app.web.web_app
    site.on_response_prepare.append(_harden)
    site.middlewares.append(_in_json)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
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
