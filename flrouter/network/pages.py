"""The view as JSON (`/network`) and as a page (`/`)."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from flrouter.network.view import Link, State, Switch
from flrouter.web_port import browsers

_ELSEWHERE = "not here: this worker is starting, or another one holds the view"
_PAGE = files("flrouter.network").joinpath("page.html").read_text("utf-8")
_STYLE = _PAGE.partition("<style>")[2].partition("</style>")[0]
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
#: Content-Security-Policy: only the page's own style is allowed.
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"


def register(app: Any) -> None:
    """Give `app` its pages. A worker that does not hold the table answers 503."""

    async def as_json(view: Any, request: Any) -> Any:
        if app.holds_view:
            return view.json({name: switch.as_json() for name, switch in app.view().items()})
        return view.json({"error": _ELSEWHERE}, status=503)

    async def as_html(view: Any, request: Any) -> Any:
        if app.holds_view:
            return view.html(page(app.view()), headers={"Content-Security-Policy": POLICY})
        return view.html(f"<p>{_ELSEWHERE}", status=503)

    browsers.protect(app)
    app.page("/network", name="network")(as_json)
    app.page("/", name="page")(as_html)


def page(switches: Mapping[str, Switch]) -> str:
    """The page that shows these switches."""
    states = Counter(switch.state for switch in switches.values())
    summary = ", ".join(f"{states[state]} {state}" for state in State)
    rows = "\n".join(_row(name, switch) for name, switch in switches.items())
    return _PAGE.replace("{summary}", summary).replace("{rows}", rows)


def _row(name: str, switch: Switch) -> str:
    ports = " ".join(
        f'<span class="{port.link.lower()}" title="{port.link}">{number}</span>'
        for number, port in sorted(switch.ports.items())
        if port.link is not Link.GONE
    )
    return f'<tr class="{switch.state}"><td>{escape(name)}<td>{switch.state}<td>{ports}'
