"""The dashboard with 64 FLs and 100,000 switches (issue 7, row 3), of which a snapshot is told."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Page, expect

from flrouter.core.values.events import FL, Event
from flrouter.telemetry.feed import FeedItem
from flrouter.web.calls.shapes import Floodlight, Latency, ShardRow, Worker
from flrouter.web.dashboard import snapshot
from flrouter.web.dashboard.files import pages, static
from tests.browser.alone import alone
from tests.browser.chromium import PHONE, SCREEN, chromium
from tests.support.programs import CHROMIUM, needs

pytestmark = needs(CHROMIUM)

FLOODLIGHTS = 64
SWITCHES = 100_000
PARTITIONS = 64
WORKERS = 4
AT = 1_764_000_000_000
WARNING = "topic flrouter-shards has 4 partitions, the router needs 64: what to do"
FATES = ("active", "unmanaged", "unknown")
OUTAGE = "outage of floodlight floodlight-7: it does not answer"
#: bytes of all that the page loads.
MOST = 1_000_000


def whole() -> bytes:
    """A snapshot, with large numbers in all places."""
    each = SWITCHES // FLOODLIGHTS
    counts = dict.fromkeys((event for event in Event if event.label == FL), 10_000_000)
    latency = Latency([1_000_000] * 14, [float(bound) for bound in range(13)], 1e6)
    floodlights = [
        Floodlight(
            f"floodlight-{number}",
            {7: "outage", 8: "unknown", 9: "drained"}.get(number, "up"),
            *(AT, number == 9, True, "north", 100, 5, True),
            *(each, 2 * each, 1_000, dict(counts), latency),
        )
        for number in range(FLOODLIGHTS)
    ]
    urls = [f"http://worker-{number}.example:6066" for number in range(WORKERS)]
    shards = [
        ShardRow(number, urls[number % WORKERS], SWITCHES // PARTITIONS, 10, 10, 0, 0, False, 100)
        for number in range(PARTITIONS)
    ]
    workers = [
        Worker(url, list(range(at, PARTITIONS, WORKERS)), True, True) for at, url in enumerate(urls)
    ]
    workers[1].warnings = [WARNING]
    feed = [
        snapshot.Entry(urls[0], FeedItem(1, AT, AT, "note", OUTAGE), lasts=True),
        snapshot.Entry(urls[0], FeedItem(2, AT, AT, "late", "floodlight-1", 1)),
        snapshot.Entry("", FeedItem(0, AT, AT, "syncs", "64 floodlights", 128)),
    ]
    made = snapshot.Snapshot(
        *(1_764_000_100_000, urls[0], floodlights, workers, shards, feed),
        *(PARTITIONS, {"answered": 10_000_000}, 3),
    )
    return msgspec.json.encode(made)


@pytest.fixture(scope="module")
def told() -> bytes:
    """The event."""
    return b"data: " + whole() + b"\n\n"


@pytest.fixture(scope="module")
def page(told: bytes) -> Iterator[Page]:
    """The dashboard, told of that one snapshot."""
    with chromium() as browser, alone(browser, {"events": told}) as page:
        yield page


def test_all_of_them_are_there(page: Page) -> None:
    """In the order of their numbers; what is wrong stands at the top; and the switches of an FL in
    outage, or of which nobody knows, are not called active.
    """
    names = page.locator("#floodlights th")
    expect(names).to_have_count(FLOODLIGHTS)
    assert names.all_text_contents() == [f"floodlight-{n}" for n in range(FLOODLIGHTS)]
    expect(page.locator("#verdict")).to_have_text("2 problems")
    expect(page.locator("#problems")).to_contain_text("floodlight-7 has been down for")
    expect(page.locator("#problems")).to_contain_text(WARNING)
    expect(page.locator("#floodlights .unknown")).to_have_count(1)
    each = SWITCHES // FLOODLIGHTS
    told = [f"{count:,}" for count in (FLOODLIGHTS * each, (FLOODLIGHTS - 2) * each, each, each)]
    expect(page.locator("#picture rect.cell")).to_have_count(PARTITIONS)
    fates = page.locator("#picture text").all_text_contents()
    assert fates[-4:] == [told[0], *map(" ".join, zip(told[1:], FATES, strict=True))]


def test_what_happened(page: Page) -> None:
    """What is not over says so; routine is one line."""
    assert page.locator("#feed li span").all_text_contents() == [
        f"{OUTAGE} – not over",
        "1 late answer of floodlight-1 dropped",
        "128 syncs of 64 floodlights began",
    ]


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_the_picture_can_be_read(page: Page, size: dict[str, int]) -> None:
    """Every tile is whole, none is on another one, and letters are large enough."""
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.wait_for_function(
        "() => { const wide = document.getElementById('picture').clientWidth;"
        " return document.querySelector('#picture svg').viewBox.baseVal.width === wide; }"
    )
    outside = page.evaluate(
        """() => {
          const all = document.querySelector('#picture svg').getBoundingClientRect();
          return [...document.querySelectorAll('#picture rect, #picture text')].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.left < all.left - 1 || box.right > all.right + 1
              || box.top < all.top - 1 || box.bottom > all.bottom + 1;
          }).map((each) => each.outerHTML);
        }"""
    )
    assert outside == []
    letters = page.evaluate(
        "Math.min(...[...document.querySelectorAll('#picture text')]"
        ".map((each) => each.getBoundingClientRect().height))"
    )
    assert letters >= 11
    places = page.evaluate(
        "[...document.querySelectorAll('#picture rect[class^=tile-]')].map("
        "(each) => { const b = each.getBoundingClientRect(); return [b.x, b.y]; })"
    )
    assert len({tuple(place) for place in places}) == len(places) >= FLOODLIGHTS


def test_the_page_is_small(told: bytes) -> None:
    """All its files and the first snapshot together."""
    files = (*static().values(), pages()[""])
    assert sum(len(file.body) for file in files) + len(told) < MOST
