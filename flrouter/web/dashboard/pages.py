"""The dashboard's pages, as Faust's web views."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from flrouter.web.calls.call import Site, answered
from flrouter.web.dashboard.files import pages, static
from flrouter.web.dashboard.search import search
from flrouter.web.dashboard.snapshot import PATH, Snapshots
from flrouter.web.dashboard.stream import Stream
from flrouter.web_port.files import File, answer

BASE = "/dashboard"
_NOT_KEPT = {"Cache-Control": "no-store"}


def register(site: Site) -> None:
    """Give the site's app the dashboard, to which `/` leads."""
    app = site.app
    snapshots = Snapshots(site)
    stream = Stream(snapshots)
    known = static()

    async def root(view: Any, request: web.Request) -> web.Response:
        # Relative: a proxy may serve the pages below a path of its own.
        return web.Response(status=302, headers={"Location": "dashboard/"})

    async def one(view: Any, request: web.Request, name: str) -> web.Response:
        return answer(request, known.get(name), name)

    async def snapshot(view: Any, request: web.Request) -> web.Response:
        local = request.query.get("local") == "true"
        return answered(await (snapshots.part() if local else snapshots.whole()), 200, _NOT_KEPT)

    async def events(view: Any, request: web.Request) -> web.StreamResponse:
        return await stream.serve(request)

    async def look(view: Any, request: web.Request) -> web.Response:
        return answered(await search(site, request.query.get("q", "")), 200, _NOT_KEPT)

    def page(path: str, file: File) -> None:
        async def serve(view: Any, request: web.Request, **_: str) -> web.Response:
            return answer(request, file)

        app.page(f"{BASE}/{path}", name=f"dashboard {path}")(serve)

    app.page("/", name="root")(root)
    app.page(BASE, name="dashboard")(root)
    app.page(f"{BASE}/static/{{name}}", name="dashboard static")(one)
    app.page(PATH, name="dashboard snapshot")(snapshot)
    app.page(f"{BASE}/events", name="dashboard events")(events)
    app.page(f"{BASE}/search", name="dashboard search")(look)
    for path, file in pages(history=bool(app.settings.history_url)).items():
        page(path, file)
    app.web.web_app.on_shutdown.append(stream.end)
