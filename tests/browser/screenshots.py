"""Makes the pictures in docs/images: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from flrouter import embedded
from tests.browser.chromium import PHONE, SCREEN, chromium, opened
from tests.browser.scene import Scene, scene
from tests.support.programs import CHROMIUM

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FLOODLIGHTS = 12
#: of one picture.
MAX_BYTES = 300_000
#: until rates are steady, and for an outage.
STEADY_MS = 8_000
#: and until the last hour has something to show.
SEEN_MS = 150_000
WAIT_MS = 60_000


def main() -> int:
    """Make them all."""
    if CHROMIUM.path() is None:
        sys.stderr.write(f"not done {CHROMIUM.missing}\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded.broker() as url,
        scene(url, Path(folder), FLOODLIGHTS, switches=24, history=True) as stage,
        stage.commands(per_second=150),
        chromium() as browser,
    ):
        take(stage, browser)
    for image in sorted(IMAGES.iterdir()):
        sys.stdout.write(f"{image.name}: {image.stat().st_size:,} bytes\n")
        assert image.stat().st_size < MAX_BYTES
    return 0


def take(stage: Scene, browser: Browser) -> None:
    """Look at the scene while one of its FLs is out."""
    stage.command("reroute-flow-17", stage.switches[3])
    with opened(browser, stage.url()) as page:
        page.wait_for_timeout(SEEN_MS)
    stage.floodlights["fl-5"].kill()
    with opened(browser, stage.url()) as page:
        expect(page.locator("#problems")).to_contain_text("fl-5 has been down for", timeout=WAIT_MS)
        page.wait_for_timeout(STEADY_MS)
        page.screenshot(path=IMAGES / "dashboard-light.png")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=IMAGES / "dashboard-dark.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(1_500)
        page.screenshot(path=IMAGES / "dashboard-phone.png")
    with opened(browser, stage.url("floodlight/fl-5")) as page:
        expect(page.locator("#moment-time")).to_contain_text("outage", timeout=WAIT_MS)
        page.screenshot(path=IMAGES / "floodlight.png")
    past(stage, browser, "fl-5")
    small = {"width": SCREEN["width"] * 2 // 3, "height": 420}
    with opened(browser, stage.url("request/reroute-flow-17"), viewport=small) as page:
        expect(page.locator("#requests article")).to_contain_text("sent to", timeout=WAIT_MS)
        page.screenshot(path=IMAGES / "request.png")


def past(stage: Scene, browser: Browser, floodlight: str) -> None:
    """What became of a request that this FL had when it was killed."""
    found = f"history/requests?floodlight={floodlight}&result=failed"
    tall = {"width": SCREEN["width"], "height": 1_100}
    with opened(browser, stage.url(found), viewport=tall) as page:
        page.locator("#rows th a").last.click()
        expect(page.locator("#meanwhile-rows tr").first).to_be_visible(timeout=WAIT_MS)
        page.screenshot(path=IMAGES / "history.png")


if __name__ == "__main__":
    raise SystemExit(main())
