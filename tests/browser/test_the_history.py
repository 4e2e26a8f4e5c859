"""The pages of the history in a real browser, over a store and the workers that serve it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect

from flrouter.core.values.effects import Happening
from flrouter.history.sqlite import SqliteStore
from tests.browser.axe import assert_usable
from tests.browser.chromium import PHONE, SCREEN, chromium, opened
from tests.history.batches import MIDNIGHT, batch, end
from tests.support.patience import HOPE
from tests.support.programs import CHROMIUM, needs
from tests.web.past import in_background, router_over

pytestmark = needs(CHROMIUM)

expect.set_options(timeout=10_000 * HOPE)

HOSTILE = "<img src=x onerror=alert(1)>/../%2e"
ONE, TWO = "00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"
S = 1_000
#: when what the tests look at happened: 00:10 UTC.
THEN = MIDNIGHT + 600 * S
HOURS = 3_600 * S


def fill(store: SqliteStore) -> None:
    """With a command that failed in an outage, one that was completed, a gather, a sync of two
    attempts, and 150 more.
    """
    lost = end(
        THEN + 900,
        correlation_id="lost-17",
        number="c0ffee00.1.1",
        kind="InstallFlow",
        received=THEN,
        sent=THEN + 100,
        acked=THEN + 200,
        error="INTERNAL_ERROR: the floodlight fl-1 is in outage",
        command=b'{"clazz": "...',
    )
    other = end(THEN + 700, correlation_id="op-18", number="c0ffee00.1.2", received=THEN + 500)
    gather: dict[str, Any] = {"correlation_id": "all-1", "received": THEN + HOURS}
    parts = [
        end(
            THEN + HOURS + 50 * (index + 1),
            number=f"c0ffee00.1.3.{index}",
            floodlight=f"fl-{index + 1}",
            sent=THEN + HOURS + 1,
            acked=THEN + HOURS + 5,
            **gather,
        )
        for index in range(2)
    ]
    whole = end(
        THEN + HOURS + 101, number="c0ffee00.1.3", switch="", floodlight="", parts=2, **gather
    )
    asked = end(
        THEN + 2 * HOURS + 6 * S,
        correlation_id="sync-1",
        number="c0ffee00.1.4",
        kind="SwitchesSyncRequest",
        switch="",
        received=THEN + 2 * HOURS,
        sent=THEN + 2 * HOURS + 1,
    )
    hostile = end(THEN + 3 * HOURS, correlation_id=HOSTILE, number="c0ffee00.1.5", switch=TWO)
    many = [
        end(THEN + 4 * HOURS + n, correlation_id=f"load-{n}", number=f"c0ffee00.2.{n}", switch=TWO)
        for n in range(150)
    ]
    happened = [
        Happening(THEN - 60 * S, "outage", "fl-1", text="it does not answer"),
        Happening(THEN + 300, "order", "fl-1", "", "drain", "ada", "10.0.0.1", "done"),
        Happening(THEN + 400, "moved", "fl-1", ONE, f"{ONE} goes to fl-1"),
        Happening(THEN + 2 * S, "recovered", "fl-1", began=THEN - 60 * S),
        Happening(THEN + 2 * HOURS + 3 * S, "sync failed", "fl-1", began=THEN + 2 * HOURS + 2),
        Happening(THEN + 2 * HOURS + 6 * S, "sync", "fl-1", began=THEN + 2 * HOURS + 3 * S),
    ]
    for event in happened:
        store.insert([batch(events=[event], source=1_024 + happened.index(event))])
    for one in (lost, other, *parts, whole, asked, hostile):
        store.insert([batch(one)])
    store.insert([batch(*many)])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the history's pages at a router's worker."""
    store = SqliteStore(tmp_path_factory.mktemp("past"))
    fill(store)
    with in_background(router_over(store)) as router:
        yield f"{router}/dashboard/history/"
    store.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as found:
        yield found


def rows(page: Page) -> Any:
    """Those of the list."""
    return page.locator("#rows tr")


def look_at(page: Page, correlation_id: str) -> None:
    """Go to the page of the newest request with this id, by the list."""
    row = rows(page).filter(has_text=correlation_id).first
    row.locator("th a").click()
    expect(page.locator("#title")).to_contain_text(correlation_id)
    expect(page.locator("#link")).to_have_text(re.compile("^as of .* UTC$"))


def test_filters_stand_in_the_address(url: str, browser: Browser) -> None:
    """What is asked for by the form can be passed on, and taken back."""
    with opened(browser, f"{url}requests") as page:
        expect(rows(page)).to_have_count(100)
        page.get_by_label("Floodlight", exact=True).fill("fl-1")
        page.get_by_label("Result").select_option("failed")
        page.get_by_label("From (UTC)").fill("2026-11-28T00:10:00")
        page.get_by_role("button", name="Show").click()
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text("lost-17")
        expect(rows(page)).to_contain_text("INTERNAL_ERROR")
        expect(page.locator("#summary")).to_have_text(
            re.compile("^1 request; the history begins .* UTC$")
        )
        query = page.url.partition("?")[2]
        assert query == "floodlight=fl-1&result=failed&since=2026-11-28T00%3A10"
    with opened(browser, f"{url}requests?{query}") as page:
        expect(rows(page)).to_have_count(1)
        assert page.get_by_label("Result").input_value() == "failed"
        assert page.get_by_label("From (UTC)").input_value() == "2026-11-28T00:10"
        page.get_by_role("link", name="Clear").click()
        expect(rows(page)).to_have_count(100)
        assert page.get_by_label("Floodlight", exact=True).input_value() == ""
    with opened(browser, f"{url}requests?result=MY_OWN&until=2026-11-28T00:10:00") as page:
        expect(page.locator("#summary")).to_have_text(re.compile("^No requests of this kind; "))
        assert page.get_by_label("Result").input_value() == "MY_OWN"
    with opened(browser, f"{url}requests?since=yesterday") as page:
        expect(page.locator("#fault")).to_have_text("since is not a time: yesterday")


def test_a_part_of_a_correlation_id(url: str, browser: Browser) -> None:
    """Whatever it looks like: it is text, here and on its own page."""
    with opened(browser, f"{url}requests") as page:
        page.get_by_label("Part of a correlation id").fill("ONERROR")
        page.keyboard.press("Enter")
        expect(rows(page)).to_have_count(1)
        look_at(page, HOSTILE)


def test_older_ones_are_a_page_away(url: str, browser: Browser) -> None:
    """And the way back."""
    with opened(browser, f"{url}requests?switch={TWO}") as page:
        expect(rows(page).first).to_contain_text("load-149")
        page.get_by_role("link", name="Older").click()
        expect(rows(page).first).to_contain_text("load-49")
        expect(rows(page)).to_have_count(51)
        assert f"switch={TWO}".replace(":", "%3A") in page.url
        page.get_by_role("link", name="Newest").click()
        expect(rows(page).first).to_contain_text("load-149")
        expect(page.get_by_role("link", name="Newest")).to_have_count(0)


def test_every_hop_of_a_request(url: str, browser: Browser) -> None:
    """As a list with times, as a sentence, and as bars; and what went on at its FL meanwhile."""
    with opened(browser, f"{url}requests?correlation_id=lost-17") as page:
        look_at(page, "lost-17")
        expect(page.locator("#hops li")).to_have_text(
            [
                re.compile(r"^2026-11-28 00:10:00\.000 UTC \(\+0 ms\): received by shard 3"),
                re.compile(r"\(\+100 ms\): sent to fl-1$"),
                re.compile(r"\(\+200 ms\): acknowledged by fl-1$"),
                re.compile(r"\(\+900 ms\): failed by the router with INTERNAL_ERROR: the flood"),
                re.compile(r"\(\+902 ms\): delivered to kilda.flow$"),
            ]
        )
        said = re.compile(r"^\+0 ms received .*, \+100 ms sent to fl-1, .*delivered to kilda.flow$")
        expect(page.locator("#timeline svg")).to_have_attribute("aria-label", said)
        widths = page.evaluate(
            """() => Object.fromEntries(['router', 'sent', 'failed', 'delivery'].map((kind) =>
              [kind, document.querySelector(`#timeline rect.bar-${kind}`).getBBox().width]))"""
        )
        assert widths["failed"] / widths["sent"] == pytest.approx(7, rel=0.02)
        assert widths["router"] == pytest.approx(widths["sent"], rel=0.02)
        assert widths["delivery"] == 3, "it is seen, however short it was"
        expect(page.locator("#h-meanwhile")).to_have_text("Meanwhile at fl-1")
        expect(page.locator("#meanwhile-rows tr")).to_have_text(
            [
                re.compile("^−60 s.*outage.*fl-1.*it does not answer"),
                re.compile("change.*drain; by ada from 10.0.0.1; done"),
                re.compile(f"moved.*{ONE} goes to fl-1"),
                re.compile("completed.*op-18"),
                re.compile("^\\+2,000 ms.*recovered.*lasted 62 s"),
            ]
        )
        expect(page.locator("#timeline text").filter(has_text="outage of fl-1")).to_have_count(1)
        expect(page.locator("#timeline text").filter(has_text="op-18")).to_have_count(1)
        ticks = page.locator("#timeline text.soft")
        expect(ticks).to_have_text(
            ["−100 ms", *(f"+{n}00 ms" if n else "+0 ms" for n in range(10))]
        )
        expect(page.locator("#payload-texts")).to_contain_text('{"clazz": "...')
        page.get_by_role("link", name="Requests then").click()
        expect(rows(page)).to_have_count(2)
        page.go_back()
        page.locator("#meanwhile-rows").get_by_role("link", name="op-18").click()
        expect(page.locator("#title")).to_have_text("Request op-18")


def test_parts_of_a_gather(url: str, browser: Browser) -> None:
    """Each with its FL and its steps, and a lane of the time line; each has a page."""
    with opened(browser, f"{url}requests?correlation_id=all-1&result=completed") as page:
        expect(rows(page)).to_have_count(3)
        look_at(page, "all-1")
        expect(page.locator("#hops")).to_contain_text("answer put together of 2 parts")
        parts = page.locator("#part-rows tr")
        expect(parts).to_have_count(2)
        expect(parts.nth(1).locator("th, td")).to_have_text(
            ["1", ONE, "fl-2", "1 ms", "5 ms", "100 ms", "completed"]
        )
        expect(page.locator("#timeline text").filter(has_text="part 1 at fl-2")).to_have_count(1)
        parts.nth(1).locator("th a").click()
        expect(page.locator("#title")).to_have_text("Part 1 of request all-1")


def test_attempts_of_a_sync(url: str, browser: Browser) -> None:
    """Each is a lane of who asked for it, as long as it took."""
    with opened(browser, f"{url}requests?kind=SwitchesSyncRequest") as page:
        look_at(page, "sync-1")
        titles = page.locator("#timeline rect.bar-failed, #timeline rect.bar-sync")
        expect(titles).to_have_count(2)
        lanes = page.locator("#timeline text").filter(has_text=re.compile("^sync"))
        expect(lanes).to_have_text(["sync-1", "sync failed at fl-1", "sync at fl-1"])


def test_who_changed_what(url: str, browser: Browser) -> None:
    """Who, from where, what, and the result."""
    with opened(browser, f"{url}requests?floodlight=fl-1") as page:
        page.get_by_role("link", name="outages, moves, syncs and changes").click()
        expect(rows(page)).to_have_count(6)
        page.get_by_label("What").select_option("change by somebody")
        page.get_by_role("button", name="Show").click()
        cells = ["00:10:00 UTC", "change", "fl-1", "–", "drain", "ada", "10.0.0.1", "done"]
        expect(rows(page)).to_have_count(1)
        expect(rows(page).locator("th, td")).to_contain_text(cells)
        assert page.url.partition("?")[2] == "kind=order&floodlight=fl-1"
    with opened(browser, f"{url}events?who=nobody") as page:
        expect(page.locator("#summary")).to_have_text(re.compile("^No events of this kind"))


@pytest.mark.parametrize("path", ["requests", "events", "request"])
def test_everybody_can_use_it(url: str, browser: Browser, path: str) -> None:
    """No serious fault in light and dark, on a screen and on a phone."""
    where = "requests?correlation_id=all-1" if path == "request" else path
    with opened(browser, f"{url}{where}") as page:
        if path == "request":
            look_at(page, "all-1")
        else:
            expect(rows(page).first).to_be_visible()
        for scheme, viewport in (("light", SCREEN), ("dark", PHONE)):
            page.emulate_media(color_scheme=cast("Any", scheme))
            page.set_viewport_size(cast("Any", viewport))
            assert_usable(page)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0, "a phone would have to scroll sideways"
