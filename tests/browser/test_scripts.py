"""What the pages' scripts make of what they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from flrouter.web.calls.shapes import Floodlight, FloodlightDetail, Latency, Me
from flrouter.web.calls.shapes import Page as Rows
from tests.browser.alone import ADDRESS, alone
from tests.browser.chromium import chromium
from tests.support.programs import CHROMIUM, needs

pytestmark = needs(CHROMIUM)

NOW = 1_764_000_000_000  # 2025-11-24 16:00:00 UTC


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One that hears nothing of a router."""
    with alone(browser, {}) as found:
        yield found


def script(page: Page, name: str, text: str, given: Any = None) -> Any:
    """What a function of `all` of a file's exports, and of what is given, returns."""
    call = f"async (given) => ({text})(await import('/dashboard/static/{name}.js'), given)"
    return page.evaluate(call, given)


# -- cells and lists ------------------------------------------------------------------------------


def test_a_cell_becomes_another_one(page: Page) -> None:
    """Text, a link, a badge, text again: nothing is left of what it was before."""
    cells = [
        {"text": "–", "title": "never"},
        {"text": "fl-1", "href": "/x"},
        {"text": "up", "state": "up"},
        "–",
        {"text": "out", "state": "outage"},
        {"text": "out", "href": "/y"},
        "out",
    ]
    found = script(
        page,
        "dom",
        """({ tableRows }, cells) => cells.map((cell) => {
          const body = globalThis.body ??= document.createElement("tbody");
          tableRows(body, [{ key: "k", cells: ["a", cell] }]);
          return [body.rows[0].cells[1].innerHTML, body.rows[0].cells[1].title];
        })""",
        cells,
    )
    assert found == [
        ["–", "never"],
        ['<a href="/x">fl-1</a>', ""],
        ['<span class="state up">up</span>', ""],
        ["–", ""],
        ['<span class="state outage">out</span>', ""],
        ['<a href="/y">out</a>', ""],
        ["out", ""],
    ]


def test_focus_stays_when_a_row_before_it_goes(page: Page) -> None:
    """And when one comes."""
    found = script(
        page,
        "dom",
        """({ keyed, element }, lists) => {
          const parent = document.body.appendChild(element("div"));
          return lists.map((rows) => {
            const say = (node, row) => node.textContent = row;
            keyed(parent, rows, (row) => row, () => element("button"), say);
            if (rows === lists[0]) parent.children[2].focus();
            return [parent.textContent, document.activeElement.textContent];
          });
        }""",
        [list("abcd"), list("bcd"), list("xbcd"), list("xc")],
    )
    assert found == [["abcd", "c"], ["bcd", "c"], ["xbcd", "c"], ["xc", "c"]]


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (NOW, "16:00:00 UTC"),
        (NOW - 16 * 3_600_000, "00:00:00 UTC"),
        (NOW - 16 * 3_600_000 - 1, "2025-11-23 23:59:59 UTC"),
    ],
)
def test_times_are_utc(page: Page, ms: int, told: str) -> None:
    """With the date when it is not today's."""
    assert script(page, "text", "({ clock }, [ms, now]) => clock(ms, now)", [ms, NOW]) == told


# -- what is wrong --------------------------------------------------------------------------------


def snapshot(at: int = 0, **more: Any) -> dict[str, Any]:
    """All is well, `at` seconds from now."""
    made = {
        "at": NOW + 1_000 * at,
        "floodlights": [floodlight("fl-1"), floodlight("fl-2")],
        "workers": [worker("http://a"), worker("http://b")],
        "shards": [{"shard": 0, "held_back": False, "lag": 0}],
        "missing_shards": [],
        "ended": {"answered": 1_000_000, "NOT_FOUND": 500},
    }
    return made | more


def floodlight(name: str, **more: Any) -> dict[str, Any]:
    """An FL that answers."""
    latency = {"counts": [0, 0], "bounds": [1.0]}
    counts = {"write_errors": 7, "commands": 1_000}
    made = {"id": name, "state": "up", "since": NOW, "counts": counts, "latency": latency}
    return made | {"sync": {"ended": 5, "succeeded": True}} | more


def worker(url: str, **more: Any) -> dict[str, Any]:
    """A worker that serves."""
    made = {"url": url, "answering": True, "ready": True, "started": 1, "shards": [0]}
    return made | {"warnings": []} | more


def problems(page: Page, *snapshots: dict[str, Any]) -> list[str]:
    """What is said of the last of these."""
    found = script(
        page,
        "problems",
        """async ({ problems }, told) => {
          const { Rates } = await import("/dashboard/static/rates.js");
          const rates = new Rates();
          for (const each of told) rates.take(each);
          return [...problems(told.at(-1), rates).values()];
        }""",
        snapshots,
    )
    return list(found)


def test_all_is_well(page: Page) -> None:
    """Also with what was wrong long ago, while an FL syncs again, and with requesters' mistakes."""
    later = {"answered": 1_000_100, "NOT_FOUND": 505, "DATA_INVALID": 9_000}
    running = floodlight("fl-1", sync={"running": True, "ended": 0, "succeeded": False})
    assert problems(page, snapshot()) == []
    assert problems(page, snapshot(), snapshot(10, ended=later, floodlights=[running])) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"ended": {"answered": 1_000_180, "NOT_FOUND": 502, "OPERATION_TIMED_OUT": 18}},
            "10 % of requests fail in the router, mostly with OPERATION_TIMED_OUT",
        ),
        (
            {"floodlights": [floodlight("fl-1", sync={"ended": 9, "succeeded": False})]},
            "the last sync of fl-1 failed",
        ),
        (
            {"floodlights": [floodlight("fl-1", counts={"write_errors": 8})]},
            "fl-1 fails to write messages",
        ),
        ({"floodlights": []}, "no floodlight is known: flrouter floodlight add makes one known"),
        ({"missing_shards": [3, 4, 5]}, "shards 3–5 unavailable"),
        ({"floodlights": [], "missing_shards": [3]}, "shards 3 unavailable"),
    ],
)
def test_what_is_wrong_is_said(page: Page, wrong: dict[str, Any], told: str) -> None:
    """Each in one line, and nothing else with it."""
    assert problems(page, snapshot(), snapshot(10, **wrong)) == [told]


def test_few_errors_are_none(page: Page) -> None:
    """Less than one a second, however few requests there are; and 5 % of many."""
    few = snapshot(10, ended={"answered": 1_000_000, "NOT_FOUND": 509})
    many = snapshot(10, ended={"answered": 1_009_500, "NOT_FOUND": 1_000})
    assert problems(page, snapshot(), few) == problems(page, snapshot(), many) == []


# -- rates ----------------------------------------------------------------------------------------


def rate(page: Page, *snapshots: dict[str, Any]) -> float | None:
    """Requests that end per second, as the last of these shows it."""
    found = script(
        page,
        "rates",
        """({ Rates }, told) => {
          const rates = new Rates();
          for (const each of told) rates.take(each);
          return rates.per(({ ended }) => ended.answered);
        }""",
        snapshots,
    )
    return None if found is None else float(found)


@pytest.mark.parametrize(
    "other",
    [
        {"answering": False, "shards": [1], "started": 0},
        {"shards": [1], "started": 2},
        None,
    ],
    ids=["away", "started anew", "gone"],
)
def test_a_worker_that_comes_back_is_no_burst(page: Page, other: dict[str, Any] | None) -> None:
    """What it has counted in its life was not counted now."""
    both = [worker("http://a"), worker("http://b")]
    less = both[:1] if other is None else [both[0], worker("http://b", **other)]
    told = [
        snapshot(0, ended={"answered": 9_000}),
        snapshot(1, ended={"answered": 5_000}, workers=less),
        snapshot(2, ended={"answered": 5_020}, workers=less),
    ]
    assert rate(page, *told) == 20
    back = snapshot(3, ended={"answered": 9_050})
    assert rate(page, *told, back) is None
    assert rate(page, *told, back, snapshot(5, ended={"answered": 9_090})) == 20


# -- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "said"),
    [
        ([], "Nothing found for fl-1. a request"),
        ([{"kind": "floodlight", "id": "fl-1"}], "Found fl-1: a request"),
        ([{"kind": "floodlight", "id": "fl-1"}] * 2, "Found fl-1: a request"),
    ],
)
def test_search_while_a_worker_is_away(browser: Browser, hits: list[Any], said: str) -> None:
    """What was found, and what nobody knows."""
    unknown = ["a request fl-1 may exist, but a part of the router is unavailable"]
    found = json.dumps({"hits": hits, "unknown": unknown})
    with alone(browser, {"search": found}) as page:
        page.get_by_label("Search").fill("fl-1")
        page.keyboard.press("Enter")
        rest = unknown[0].removeprefix("a request")
        expect(page.locator("#hits p")).to_have_text(f"{said}{rest}")
        expect(page.locator("#hits a")).to_have_count(len(hits))


@pytest.mark.parametrize("history", [True, False])
def test_links_to_the_history(browser: Browser, history: bool) -> None:
    """From every page, where there is one; from an FL's to its own."""
    told = told_of_a_floodlight() | {"search": json.dumps({"hits": [], "unknown": []})}
    with alone(browser, told, f"{ADDRESS}floodlight/fl-1", history=history) as page:
        expect(page.locator("#title")).to_have_text("Floodlight fl-1")
        expect(page.get_by_role("link", name="History")).to_have_count(int(history))
        own = page.locator("#past a")
        expect(own).to_have_count(2 * history)
        page.get_by_label("Search").fill("op 17")
        page.keyboard.press("Enter")
        expect(page.locator("#hits p")).to_have_text("Nothing found for op 17.")
        look = page.get_by_role("link", name="Look in the history")
        expect(look).to_have_count(int(history))
        if history:
            for link, target in (
                (own.nth(0), "requests?floodlight=fl-1"),
                (own.nth(1), "events?floodlight=fl-1"),
                (look, "requests?correlation_id=op+17"),
            ):
                expect(link).to_have_attribute("href", f"{ADDRESS}history/{target}")


# -- the last hour --------------------------------------------------------------------------------


def hour(**columns: list[Any]) -> str:
    """A series in which all is nought, but for these."""
    zeros = [0] * 360
    counted = ("commands", "answered", "failed", "pending", "lag", "outages", "p50", "p95")
    told = {"at": [NOW + 10_000 * n for n in range(360)], "step": 10_000, "missing": []}
    return json.dumps(told | dict.fromkeys(counted, zeros) | columns)


def test_the_last_hour_by_keyboard_and_in_words(browser: Browser) -> None:
    """The slider says what the charts show at a moment; the table has all of it; a band marks an
    outage, and where nobody knows there is nothing.
    """
    rates = [None] * 60 + [20] * 300
    outages = [0] * 300 + [1] * 60
    told = {"series": hour(commands=rates, p95=[0.25] * 360, outages=outages)}
    with alone(browser, told) as page:
        slider = page.get_by_label("Moment")
        now = "16:59:50 UTC, outage: commands 2.0, answered 0.0, failed 0.0, p50 0 ms, p95 250 ms"
        expect(slider).to_have_attribute("aria-valuetext", f"{now}, pending 0, lag 0")
        slider.focus()
        page.keyboard.press("Home")
        expect(slider).to_have_attribute("aria-valuetext", re.compile("^16:00:00 UTC: commands –"))
        page.get_by_text("The same as a table").click()
        rows = page.locator("#series-rows tr")
        expect(rows).to_have_count(12)
        cells = ["2.0", "0.0", "0.0", "0 ms", "250 ms", "0", "0"]
        expect(rows.first.locator("td")).to_have_text([*cells, "yes"])
        expect(rows.last.locator("td").first).to_have_text("–")
        said = "Requests per second in the last hour: commands at most 2.0"
        expect(page.locator(".plot").first).to_have_attribute("aria-label", re.compile(said))
        band, up = page.evaluate(
            """() => { const canvas = document.querySelector('.plot canvas');
              const { width, height } = canvas, context = canvas.getContext('2d');
              return [.9, .55].map((part) =>
                [...context.getImageData(width * part, height * .3, 1, 1).data]); }"""
        )
        assert band[3] == 255
        assert band != up, "nothing is there where it was up"


# -- changes --------------------------------------------------------------------------------------


def told_of_a_floodlight(**me: Any) -> dict[str, bytes]:
    """What its page asks for; who asks is that."""
    row = Floodlight(
        *("fl-1", "up", NOW, False, True, "", 100, 5, True, 3, 3, 0, {}, Latency([], []))
    )
    asker = Me(**{"name": "", "role": "reader", "token": True} | me)
    told: dict[str, Any] = {"fl-1": FloodlightDetail(row), "me": asker}
    return {
        name: msgspec.json.encode(shape)
        for name, shape in (told | dict.fromkeys(("switches", "pending"), Rows([]))).items()
    }


@pytest.mark.parametrize(
    ("me", "token", "possible"),
    [
        ({}, True, True),
        ({"token": False}, False, False),
        ({"role": "operator", "name": "ada"}, False, True),
    ],
    ids=["a reader", "a reader of a read-only router", "an operator"],
)
def test_who_may_change_something(
    browser: Browser, me: dict[str, Any], token: bool, possible: bool
) -> None:
    """The token is asked for where it is needed and helps; what is refused is told, and may be
    tried again.
    """
    with alone(browser, told_of_a_floodlight(**me), f"{ADDRESS}floodlight/fl-1") as page:
        refusal = json.dumps({"error": "the token is wrong"})
        page.route("**/drain", lambda route: route.fulfill(status=403, body=refusal))
        page.get_by_role("button", name="Drain…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Drain fl-1?")
        expect(dialog.get_by_label("Token")).to_be_visible(visible=token)
        expect(dialog.get_by_role("button", name="Confirm")).to_be_enabled(enabled=possible)
        assert ("read-only" in dialog.inner_text()) != possible
        if possible:
            if token:
                dialog.get_by_label("Token").fill("wrong")
            dialog.get_by_role("button", name="Confirm").click()
            expect(dialog.get_by_role("alert")).to_have_text("the token is wrong")
            expect(dialog.get_by_role("button", name="Confirm")).to_be_enabled()
