"""The dashboard's files, read once: those that browsers get as they are, and the pages."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from flrouter.web_port.files import File, file, folder

#: path below the dashboard → the name of the page's files in `html/` and `static/`, and its title.
PAGES = {
    "": ("dashboard", "flrouter"),
    "floodlight/{id}": ("floodlight", "Floodlight – flrouter"),
    "switch/{id}": ("switch", "Switch – flrouter"),
    "request/{id}": ("request", "Request – flrouter"),
    "history/requests": ("past_requests", "History of requests – flrouter"),
    "history/events": ("past_events", "History of events – flrouter"),
    "history/request/{id}": ("past_request", "Request in the history – flrouter"),
}
#: what several pages contain.
PARTS = ("one", "change", "series", "pending", "times")

_HERE = files("flrouter.web.dashboard")


def static() -> dict[str, File]:
    """The files in `static/`, by name."""
    return folder(_HERE.joinpath("static"))


def pages(*, history: bool = False) -> dict[str, File]:
    """Path below the dashboard → its page: its file in `html/`, within the frame of all pages.

    Args:
        history: whether there is a history, for links to it.
    """
    frame = Template(_html("frame"))

    def page(path: str, name: str, title: str) -> File:
        # Links are relative: a proxy may serve the pages below a path of its own.
        up = "../" * path.count("/")
        kind = title.partition(" ")[0]
        parts = {part: Template(_html(part)).substitute(up=up, kind=kind) for part in PARTS}
        main = Template(_html(name)).substitute(parts, up=up)
        link = f'<a id="history" href="{up}history/requests">History</a>' if history else ""
        whole = frame.substitute(
            title=title, script=f"{name}.js", home=up or "./", up=up, main=main, history=link
        )
        return file(whole.encode(), "text/html")

    return {path: page(path, name, title) for path, (name, title) in PAGES.items()}


def _html(name: str) -> str:
    return _HERE.joinpath("html", f"{name}.html").read_text("utf-8")
