"""The dashboard without a router: its files in a browser, and what a test has it told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

from flrouter.web.dashboard.files import pages, static
from flrouter.web_port.files import File
from tests.browser.chromium import SCREEN

ADDRESS = "http://router.test/dashboard/"


@contextmanager
def alone(
    browser: Browser,
    told: Mapping[str, str | bytes],
    url: str = ADDRESS,
    *,
    history: bool = False,
) -> Iterator[Page]:
    """A page of the dashboard.

    Args:
        browser: where.
        told: the last part of a path → what is answered there, beside the dashboard's own files.
        url: of the page.
        history: whether the router has one.
    """
    files, whole = static(), pages(history=history)

    def serve(route: Route) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/dashboard/")
        above, _, name = path.rpartition("/")
        if route.request.is_navigation_request():
            _fulfill(route, whole[path if path in whole else f"{above}/{{id}}"])
        elif name in told:
            of = "text/event-stream" if name == "events" else "application/json"
            route.fulfill(body=told[name], content_type=of)
        elif name in files:
            _fulfill(route, files[name])
        else:
            route.abort()

    size: Any = dict(SCREEN)
    page = browser.new_page(viewport=size)
    page.route("**/*", serve)
    page.goto(url)
    yield page
    page.close()


def _fulfill(route: Route, file: File) -> None:
    route.fulfill(body=file.body, content_type=file.kind)
