"""The dashboard's files, read once: those that browsers get as they are, and the pages."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from flrouter.web_port.files import File, file, folder

#: what has a page for each one of its kind.
KINDS = ("floodlight", "switch", "request")
#: pages of the history: path → what is theirs in `html/` and in `static/`, and their title.
PAST = {
    "history/requests": ("past_requests", "History of requests"),
    "history/events": ("past_events", "History of events"),
    "history/request/{id}": ("past_request", "Request in the history"),
}
#: what several pages have in them.
PARTS = ("series", "change", "times")

_HERE = files("flrouter.web.dashboard")


def static() -> dict[str, File]:
    """Those in `static/`, by name."""
    return folder(_HERE.joinpath("static"))


def pages(*, history: bool = False) -> dict[str, File]:
    """Path below the dashboard → its page: what stands in `html/`, in the frame that all share.

    Args:
        history: whether there is one, so that they lead there.
    """
    frame = Template(_html("frame"))

    def page(path: str, name: str, title: str) -> File:
        """Links are relative, as proxies may add a path."""
        up = "../" * path.count("/")
        parts = {part: Template(_html(part)).substitute(up=up) for part in PARTS}
        main = Template(_html(name)).substitute(parts, up=up)
        link = f'<a id="history" href="{up}history/requests">History</a>' if history else ""
        whole = frame.substitute(
            title=title, script=f"{name}.js", home=up or "./", up=up, main=main, history=link
        )
        return file(whole.encode(), "text/html")

    by_kind = {"": page("", "dashboard", "flrouter")}
    for kind in KINDS:
        path = f"{kind}/{{id}}"
        by_kind[path] = page(path, kind, f"{kind.capitalize()} – flrouter")
    for path, (name, title) in PAST.items():
        by_kind[path] = page(path, name, f"{title} – flrouter")
    return by_kind


def _html(name: str) -> str:
    return _HERE.joinpath("html", f"{name}.html").read_text("utf-8")
