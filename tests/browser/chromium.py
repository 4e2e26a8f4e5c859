"""Chromium without a window, and what must hold of every page that it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.programs import CHROMIUM, NODE

PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1440, "height": 900}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    if (node := NODE.path()) is not None:  # Playwright's own asks for libatomic, which few have
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM.path(), args=["--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    """A page; at the end it must have no errors, and asked no other host for anything.

    Args:
        browser: where.
        url: of the page.
        how: as Playwright's `new_page`: `color_scheme`, `viewport`.
    """
    how.setdefault("viewport", SCREEN)
    page = browser.new_page(**how)
    errors: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    try:
        page.goto(url)
        yield page
    finally:
        page.close()
    assert not errors, errors
    assert hosts == {urlsplit(url).netloc}, hosts
