"""The documentation as a site, as `make docs` has built it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import PHONE, SCREEN, chromium, opened
from tests.support.programs import CHROMIUM, SITE, needs

ROOT = Path(__file__).parents[2]

pytestmark = [needs(CHROMIUM), needs(SITE)]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Not to stderr."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(ROOT / "build" / "site"))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["concepts", "architecture"])
@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_diagrams_are_drawn(site: str, size: dict[str, int], name: str) -> None:
    """All of them, with nothing from elsewhere; text that mermaid does not take is an error."""
    source = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    count = len(re.findall(r"^```mermaid", source, re.MULTILINE))
    with chromium() as browser, opened(browser, f"{site}/{name}.html", viewport=size) as page:
        # The theme draws each in a closed shadow, which nobody can look into.
        drawn = page.locator("div.mermaid")
        expect(drawn).to_have_count(count)
        assert all(drawn.nth(number).bounding_box()["height"] > 50 for number in range(count))
