"""axe-core: whether a page can be used by who sees little, or nothing, or has no mouse."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def assert_usable(page: Page) -> None:
    """No serious fault for any of them."""
    found = Axe().run(page).response["violations"]
    faults = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert not [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in faults]
