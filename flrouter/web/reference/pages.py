"""The page and its files."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from aiohttp import web

from flrouter.faust_side.app import RouterApp
from flrouter.web.calls.call import BASE
from flrouter.web_port import browsers
from flrouter.web_port.files import answer, file, folder

_HERE = files("flrouter.web.reference")
#: as for all pages, and icons that stand in the style sheet of Swagger UI.
_POLICY = f"{browsers.HEADERS['Content-Security-Policy']}; img-src 'self' data:"


def register(app: RouterApp) -> None:
    """Give `app` the page."""
    known = folder(_HERE.joinpath("static"))
    page = file(_HERE.joinpath("html", "reference.html").read_bytes(), "text/html")

    async def reference(view: Any, request: web.Request) -> web.Response:
        response = answer(request, page)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    async def static(view: Any, request: web.Request, name: str) -> web.Response:
        return answer(request, known.get(name), name)

    app.page(f"{BASE}/reference/", name="reference")(reference)
    app.page(f"{BASE}/reference/static/{{name}}", name="reference static")(static)
