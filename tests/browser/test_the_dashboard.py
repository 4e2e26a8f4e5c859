"""The dashboard of a real router in a real browser (issue 7, row 1)."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect

from flrouter.web.api.operations import OPERATIONS
from flrouter.web.dashboard.stream import MAX_VIEWERS
from tests.browser.axe import assert_usable
from tests.browser.chromium import PHONE, SCREEN, chromium, opened
from tests.browser.scene import TOKEN, Scene, scene
from tests.support.api import ask, until
from tests.support.patience import HOPE, PATIENCE
from tests.support.programs import CHROMIUM, needs

pytestmark = pytest.mark.broker
needs_chromium = needs(CHROMIUM)

#: s; from the router's decision to the page.
SHOWN = 3.0
HOSTILE = "<img src=x onerror=alert(1)>/../%2e"
WAIT = 10_000 * HOPE
expect.set_options(timeout=WAIT)


@pytest.fixture(scope="module")
def stage(broker_url: str, work_folder: Path) -> Iterator[Scene]:
    """Three FLs, four switches each, after a few commands."""
    with scene(broker_url, work_folder) as found:
        found.command("op-17", found.switches[0])
        found.command(HOSTILE, found.switches[1])
        found.command("lost", "00:00:00:00:00:00:ff:ff")
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as found:
        yield found


def row(page: Page, floodlight: str) -> Any:
    """An FL's row of the table."""
    return page.locator(f"#floodlights tr[data-key='{floodlight}']")


def filled(page: Page, path: str) -> None:
    """Wait until it shows what it is about."""
    if path:
        expect(page.locator("#link")).to_have_text("live")
    else:
        expect(page.locator("#floodlights tr")).to_have_count(3)
        expect(page.locator("#feed li").first).to_be_visible()
    if not path.startswith("request"):
        expect(page.locator("#moment-time")).to_have_text(re.compile("UTC"))
        page.locator("summary").click()


@needs_chromium
def test_it_shows_the_whole_router(stage: Scene, browser: Browser) -> None:
    """All FLs, both workers, all shards and switches; also to whoever asks for `/`."""
    url = stage.url().removesuffix("dashboard/")
    with opened(browser, url) as page:
        expect(page.locator("#floodlights tr")).to_have_count(3)
        assert page.url == stage.url()
        expect(page.locator("#workers tr")).to_have_count(2)
        expect(page.locator("#verdict")).to_have_text("All is well: 3 floodlights answer")
        seen = re.compile("2 workers with 8 shards .* 3 floodlights, 0 of them .* 12 switches")
        expect(page.locator("#picture svg")).to_have_attribute("aria-label", seen)
        expect(page.locator("#picture rect.cell")).to_have_count(8)
        expect(page.locator("#picture rect.tile-up")).to_have_count(3)
        for name in stage.floodlights:
            expect(row(page, name).locator("td").nth(2)).to_have_text("4")
        expect(page.locator("#feed")).to_contain_text(
            re.compile("syncs? of fl-1, fl-2, fl-3 began")
        )


@needs_chromium
@pytest.mark.parametrize(
    ("text", "path", "title"),
    [
        ("0x1", "switch/00%3A00%3A00%3A00%3A00%3A00%3A00%3A01", "Switch 00:00:00:00:00:00:00:01"),
        ("fl-2", "floodlight/fl-2", "Floodlight fl-2"),
        ("op-17", "request/op-17", "Request op-17"),
        (HOSTILE, None, f"Request {HOSTILE}"),
    ],
)
def test_search_leads_to_what_has_that_name(
    stage: Scene, browser: Browser, text: str, path: str | None, title: str
) -> None:
    """By the keyboard alone: a switch, an FL and a request, whatever its id looks like."""
    with opened(browser, stage.url()) as page:
        for _ in range(3):  # past the link to the content, and the one home
            page.keyboard.press("Tab")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(page.locator("#title")).to_have_text(title)
        if path is not None:
            assert page.url == stage.url(path)
        expect(page.locator("#link")).to_have_text("live")


@needs_chromium
def test_search_says_that_there_is_nothing(stage: Scene, browser: Browser) -> None:
    """And stays where it is."""
    with opened(browser, stage.url()) as page:
        page.get_by_label("Search").fill("nobody")
        page.get_by_role("button", name="Find").click()
        expect(page.locator("#hits")).to_have_text("Nothing found for nobody.")


@needs_chromium
def test_a_request_says_where_it_went(stage: Scene, browser: Browser) -> None:
    """Who had it, and that it was answered; or with which error."""
    with opened(browser, stage.url("request/op-17")) as page:
        card = page.locator("#requests article")
        expect(card).to_contain_text("sent to fl-1")
        expect(card).to_contain_text("answered, to")
        expect(card.locator(".state")).to_have_text("answered")
    with opened(browser, stage.url("request/lost")) as page:
        expect(page.locator("#requests article")).to_contain_text("by the router with NOT_FOUND")


@needs_chromium
@pytest.mark.parametrize(
    "path",
    ["", "switch/00:00:00:00:00:00:00:01", "floodlight/fl-1", "request/op-17"],
    ids=["all", "switch", "floodlight", "request"],
)
def test_everybody_can_use_it(stage: Scene, browser: Browser, path: str) -> None:
    """No serious fault for whoever sees little, or nothing, or has no mouse.

    Colours are the same on a phone, and what is where is the same in the dark.
    """
    with opened(browser, stage.url(path)) as page:
        filled(page, path)
        for scheme, viewport in (("light", SCREEN), ("dark", PHONE)):
            page.emulate_media(color_scheme=cast("Any", scheme))
            page.set_viewport_size(cast("Any", viewport))
            assert_usable(page)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0, "a phone would have to scroll sideways"


@needs_chromium
def test_changes_from_a_page(stage: Scene, browser: Browser) -> None:
    """A question before, with the token, and the result after: a move, a drain and its end, a
    sync.
    """
    switch = stage.switches[0]
    stage.floodlights["fl-2"].ask(connect=switch)
    with opened(browser, stage.url(f"switch/{switch}")) as page:
        move = page.get_by_role("button", name="Move to fl-2…")
        move.click()
        expect(page.get_by_role("dialog")).to_contain_text(f"Move {switch} to fl-2?")
        assert_usable(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        move.click()
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#outcome")).to_have_text(f"Done: fl-2 is active for {switch}.")
    assert ask(stage.worker, f"/api/v1/switches/{switch}").json["switch"]["active"] == "fl-2"
    with opened(browser, stage.url("floodlight/fl-2")) as page:
        for label, done in (
            ("Drain…", "is drained"),
            ("Undrain…", "is undrained"),
            ("Sync…", "was synced"),
        ):
            page.get_by_role("button", name=label, exact=True).click()
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Confirm").click()
            expect(page.locator("#outcome")).to_have_text(f"Done: fl-2 {done}.")


@needs_chromium
def test_the_api_is_described_beside_it(stage: Scene, browser: Browser) -> None:
    """Every request, with nothing from elsewhere; and they can be tried."""
    with opened(browser, stage.url()) as page:
        page.get_by_role("link", name="API").click()
        expect(page.locator(".opblock")).to_have_count(len(OPERATIONS))
        page.locator("#operations-default-get-workers .opblock-summary-control").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table .response")).to_contain_text("200")


def test_it_serves_only_so_many(stage: Scene) -> None:
    """Whoever comes when all places are taken is told so; who leaves makes room."""
    with ExitStack() as leaving:
        for _ in range(MAX_VIEWERS):
            connection = http.client.HTTPConnection("127.0.0.1", stage.worker.web_port, timeout=30)
            leaving.callback(connection.close)
            connection.request("GET", "/dashboard/events")
            assert connection.getresponse().status == 200
        refused = ask(stage.worker, "/dashboard/events")
        assert refused.status == 503
        assert b"ask another one" in refused.body

    def place() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", stage.worker.web_port, timeout=30)
        try:
            connection.request("GET", "/dashboard/events")
            return connection.getresponse().status
        finally:
            connection.close()

    until(place, lambda status: status == 200)


def test_what_a_browser_has_is_not_sent_again(stage: Scene) -> None:
    """Files have a tag; and what is no file is not there."""
    first = ask(stage.worker, "/dashboard/static/style.css")
    assert first.status == 200
    again = ask(
        stage.worker, "/dashboard/static/style.css", **{"If-None-Match": first.headers["Etag"]}
    )
    assert (again.status, again.body) == (304, b"")
    assert ask(stage.worker, "/dashboard/static/..%2fpages.py").status == 404


@needs_chromium
def test_a_frozen_worker_is_noticed(stage: Scene, browser: Browser) -> None:
    """Nothing tells a browser of it: the pages say since when they are old, until it goes on."""
    old = re.compile(r"^no update since \d\d:\d\d:\d\d UTC: this page is stale$")
    with opened(browser, stage.url()) as page, opened(browser, stage.url("floodlight/fl-1")) as one:
        links = [each.locator("#link") for each in (page, one)]
        for link in links:
            expect(link).to_have_text("live")
        stage.worker.freeze()
        try:
            for link in links:
                expect(link).to_have_text(old)
            expect(page.locator("#verdict")).to_have_text(re.compile("^Unknown: no update since"))
            expect(one.locator("#fault")).to_have_text("the worker did not answer within 5 s")
        finally:
            stage.worker.thaw()
        for link in links:
            expect(link).to_have_text("live")
        expect(page.locator("#verdict")).to_have_text("All is well: 3 floodlights answer")


@needs_chromium
def test_an_outage_shows_by_itself(stage: Scene, browser: Browser) -> None:
    """An FL is killed: soon after the router has decided that it is out, the page says so."""
    with opened(browser, stage.url()) as page:
        expect(row(page, "fl-3")).to_contain_text("up")
        page.evaluate("window.sameAsBefore = true")
        stage.floodlights["fl-3"].kill()
        expect(row(page, "fl-3").locator(".state")).to_have_text("outage", timeout=WAIT)
        shown = time.time()
        decided = ask(stage.worker, "/api/v1/floodlights/fl-3").json["floodlight"]["since"] / 1000
        assert shown - decided < SHOWN * PATIENCE
        expect(page.locator("#verdict")).to_have_text("1 problem")
        expect(page.locator("#problems")).to_contain_text("fl-3 has been down for")
        expect(page.locator("#feed li").first).to_contain_text(re.compile("fl-3.* – not over$"))
        expect(page.locator("#feed")).to_contain_text("outage of floodlight fl-3")
        expect(page.locator("#picture rect.tile-outage")).to_have_count(1)
        assert page.evaluate("window.sameAsBefore"), "it was not loaded again"


@needs_chromium  # the FL is killed while somebody looks on
def test_the_last_hour_has_it(stage: Scene) -> None:
    """Both workers' steps together: the outage, and the commands of before."""

    def hour(of: str) -> Any:
        return ask(stage.worker, f"/api/v1/series?{of}").json

    def last(series: Any) -> int:
        known = [number for number in series["outages"] if number is not None]
        return known[-1] if known else 0

    assert until(lambda: last(hour("floodlight=fl-3")), bool) == 1
    assert last(hour("floodlight=fl-1")) == 0
    whole = hour("")
    assert (last(whole), whole["missing"]) == (1, [])
    assert not any(hour("switch=1")["commands"])


@needs_chromium
def test_a_worker_stops_while_somebody_looks_on(stage: Scene, browser: Browser) -> None:
    """It does not wait for them; and the page of another one shows that it is gone."""
    other = stage.deployment.workers[1]
    with opened(browser, stage.url()) as page:
        expect(page.locator("#workers tr")).to_have_count(2)
        connection = http.client.HTTPConnection("127.0.0.1", other.web_port, timeout=30)
        connection.request("GET", "/dashboard/events")
        assert connection.getresponse().readline().startswith(b"data: {")
        other.terminate()
        connection.close()
        stage.deployment.workers.remove(other)
        expect(page.locator("#workers tr")).to_have_count(1, timeout=WAIT)
