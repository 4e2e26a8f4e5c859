"""The dashboard's files, read once: those that browsers get as they are, and the pages."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from flrouter.web.files import File, file, folder

#: what has a page for each one of its kind.
KINDS = ("floodlight", "switch", "request")
#: what several pages have in them.
PARTS = ("series", "change")

_HERE = files("flrouter.web.dashboard")


def static() -> dict[str, File]:
    """Those in `static/`, by name."""
    return folder(_HERE.joinpath("static"))


def pages() -> dict[str, File]:
    """`index` and one for each kind: what stands in `html/`, in the frame that all share."""
    frame = Template(_html("frame"))

    def page(name: str, script: str, title: str, home: str, up: str) -> File:
        """`home` and `up` lead to the dashboard: links are relative, as proxies may add a path."""
        parts = {part: Template(_html(part)).substitute(up=up) for part in PARTS}
        main = Template(_html(name)).substitute(parts)
        whole = frame.substitute(title=title, script=script, home=home, up=up, main=main)
        return file(whole.encode(), "text/html")

    found = {"index": page("index", "dashboard.js", "flrouter", home="./", up="")}
    for kind in KINDS:
        title = f"{kind.capitalize()} – flrouter"
        found[kind] = page(kind, f"{kind}.js", title, home="../", up="../")
    return found


def _html(name: str) -> str:
    return _HERE.joinpath("html", f"{name}.html").read_text("utf-8")
