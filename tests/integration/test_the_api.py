"""The API of real workers: what they tell, what they may be told, and by whom."""

from __future__ import annotations

import argparse
import http.client
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Answer, ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.patience import HOPE
from tests.support.plain import INSTALL, command, error_type, switch_id
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker

TOKEN = "correct-horse-battery-staple"
SWITCHES = [switch_id(number) for number in range(1, 13)]
FIRST = SWITCHES[0]
#: every request that changes something, with a body that is taken.
CHANGES: dict[str, Any] = {
    f"/api/v1/switches/{FIRST}/move": {"floodlight": "fl-2"},
    f"/api/v1/switches/{FIRST}/place": {"region": "north"},
    "/api/v1/floodlights/fl-1/drain": {},
    "/api/v1/floodlights/fl-1/undrain": {},
    "/api/v1/floodlights/fl-1/prefer": {"region": "north", "weight": 7},
    "/api/v1/floodlights/fl-1/sync": {},
    "/api/v1/sync": {},
}


@pytest.fixture(scope="module")
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """Two workers, and two FLs that are masters of all switches; the first speaks for them."""
    with Deployment(
        broker_url,
        work_folder,
        token=TOKEN,
        settle_time=1,
        response_timeout=60,
        alive_timeout=20,
    ) as deployment:
        deployment.create_topics()
        deployment.start_worker()
        deployment.start_worker(wait=False)
        deployment.workers[0].wait_ready(2)
        deployment.workers[1].wait_ready()
        first = SimulatedFloodlight(deployment, "fl-1")
        first.start(*SWITCHES)
        until(lambda: _actives(deployment), lambda found: found == dict.fromkeys(SWITCHES, "fl-1"))
        SimulatedFloodlight(deployment, "fl-2").start(*SWITCHES)
        until(lambda: _switches(deployment), lambda rows: all(len(r["holders"]) == 2 for r in rows))
        yield deployment


@pytest.fixture
def worker(deployment: Deployment) -> Worker:
    """One of the workers."""
    return deployment.workers[0]


def settled(worker: Worker, path: str, body: Any = None, **how: Any) -> Answer:
    """The answer once nobody is missing, and no shard: on a busy machine a worker takes its time,
    and one that was frozen may have to join again.
    """
    missing = ("missing",) if "local=" in path else ("missing", "missing_shards")

    def complete(answer: Answer) -> bool:
        return answer.status != 503 and not any(map(answer.json.get, missing))

    return until(lambda: ask(worker, path, body, **how), complete)


def get(worker: Worker, path: str) -> Any:
    """What a worker answers; it must."""
    answer = settled(worker, f"/api/v1{path}")
    assert answer.status == 200, answer
    return answer.json


def post(worker: Worker, path: str, body: Any) -> Answer:
    """The answer to a change by whom may make it."""
    return settled(worker, f"/api/v1{path}", body, token=TOKEN)


def _switches(deployment: Deployment) -> list[dict[str, Any]]:
    return list(get(deployment.workers[0], "/switches?limit=1000")["items"])


def _actives(deployment: Deployment) -> dict[str, str]:
    return {row["id"]: row["active"] for row in _switches(deployment)}


# -- reading --------------------------------------------------------------------------------------


def test_each_worker_tells_of_all_shards(deployment: Deployment) -> None:
    """Whoever is asked asks the others; `local` is what a worker knows itself."""
    one, other = deployment.workers
    assert get(one, "/switches") == get(other, "/switches")
    page = get(one, "/switches")
    assert [row["id"] for row in page["items"]] == SWITCHES
    assert (page["next"], page["missing"], page["missing_shards"]) == (None, [], [])
    parts = [get(each, "/switches?local=true") for each in (one, other)]
    assert sorted(row["id"] for part in parts for row in part["items"]) == SWITCHES
    assert all(part["items"] for part in parts)
    told = [shard for part in parts for shard in part["missing_shards"]]
    assert sorted(told) == list(range(deployment.partitions))


def test_pages_follow_each_other(worker: Worker) -> None:
    """Every row comes once, in order, whatever worker has it."""
    found, after = [], ""
    while after is not None:
        page = get(worker, f"/switches?limit=5&after={after}")
        assert len(page["items"]) <= 5
        found += [row["id"] for row in page["items"]]
        after = page["next"]
    assert found == SWITCHES


def test_floodlights_are_counted_over_all_workers(worker: Worker) -> None:
    """Their switches and what happened to them, of all shards."""
    wanted = ["fl-1", "fl-2"]
    rows = until(
        lambda: get(worker, "/floodlights")["items"],
        lambda rows: [row["holds"] for row in rows] == [12, 12] and rows[0]["synced"],
    )
    assert [row["id"] for row in rows] == wanted
    assert [row["state"] for row in rows] == ["up", "up"]
    assert rows[0]["counts"]["syncs"] >= 1
    assert rows[0]["sync"]["floodlight"] == "fl-1"
    assert get(worker, "/floodlights/fl-2")["floodlight"]["id"] == "fl-2"
    assert [row["floodlight"] for row in get(worker, "/syncs")["items"]] == wanted
    assert get(worker, "/floodlights?state=outage")["items"] == []


def test_shards_and_workers(deployment: Deployment) -> None:
    """Each shard is at one worker, and both answer."""
    rows = get(deployment.workers[1], "/shards")["items"]
    assert [row["shard"] for row in rows] == list(range(deployment.partitions))
    assert sum(row["switches"] for row in rows) == len(SWITCHES)
    workers = get(deployment.workers[0], "/workers")["items"]
    assert {row["url"] for row in workers} == {row["worker"] for row in rows}
    assert all(row["answering"] and row["ready"] for row in workers)


def test_a_request_is_found_where_it_is(deployment: Deployment) -> None:
    """While it is pending, after its answer, and after an error; from every worker."""
    requester = deployment.requester()
    requester.send(command({"clazz": INSTALL, "switch_id": FIRST}, "find me"), FIRST)
    requester.wait("find me", timeout=20)
    for worker in deployment.workers:
        [row] = get(worker, "/requests/find%20me")["requests"]
        active = get(worker, f"/switches/{FIRST}")["switch"]["active"]
        assert (row["state"], row["switch"], row["floodlight"]) == ("answered", FIRST, active)
        assert row["received"] <= row["ended"]
    away = switch_id(99)
    requester.send(command({"clazz": INSTALL, "switch_id": away}, "lost/1"), away)
    [answer] = requester.wait("lost/1", timeout=20)
    assert error_type(answer) == "NOT_FOUND"
    for worker in deployment.workers:
        [row] = get(worker, "/requests/lost%2F1")["requests"]
        assert row["state"] == "failed"
        assert row["error"].startswith("NOT_FOUND: no floodlight holds switch")


def test_what_is_not_there(worker: Worker) -> None:
    """404 with what to do, wherever it would be."""
    for path in (
        "/switches/63",
        f"/switches/{switch_id(100)}",
        "/floodlights/fl-9",
        "/requests/never-sent",
        "/nothing",
    ):
        answer = settled(worker, f"/api/v1{path}")
        assert answer.status == 404, (path, answer)
        assert set(answer.json) == {"error"}


def test_it_says_how_far_back_it_remembers(deployment: Deployment) -> None:
    """As the worker that remembers least."""
    path = "/requests/never-sent"
    since = max(get(each, f"{path}?local=true")["failed_since"] for each in deployment.workers)
    moment = datetime.fromtimestamp(since / 1000, UTC)
    told = f"since {moment:%Y-%m-%d %H:%M:%S} UTC all that failed"
    for worker in deployment.workers:
        assert told in settled(worker, f"/api/v1{path}").json["error"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/switches?limit=0", "limit"),
        ("/switches?limit=1001", "limit"),
        ("/switches?limit=many", "limit"),
        ("/switches?floodlite=fl-1", "floodlite"),
        ("/switches?limit=1&limit=2", "twice"),
        ("/pending?switch=nonsense", "nonsense"),
        ("/switches/nonsense", "nonsense"),
        ("/floodlights?state=tired", "tired"),
    ],
)
def test_bad_questions_are_told_what_is_wrong(worker: Worker, path: str, told: str) -> None:
    """400, and a sentence that names it."""
    answer = ask(worker, f"/api/v1{path}")
    assert answer.status == 400, answer
    assert told in answer.json["error"]


# -- changing -------------------------------------------------------------------------------------


def _state(worker: Worker) -> list[Any]:
    """All that changes could change."""
    [floodlight] = [row for row in get(worker, "/floodlights")["items"] if row["id"] == "fl-1"]
    shown = {name: floodlight[name] for name in ("drained", "region", "weight", "number", "state")}
    return [shown, floodlight["counts"].get("moves"), *get(worker, "/switches")["items"]]


@pytest.mark.parametrize("path", CHANGES)
def test_changes_need_the_token(deployment: Deployment, path: str) -> None:
    """401 without, 403 with a wrong one; and nothing changes."""
    worker = deployment.workers[1]
    before = _state(worker)
    for authorization in (None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz"):
        more = {} if authorization is None else {"Authorization": authorization}
        answer = ask(worker, path, CHANGES[path], **more)
        assert answer.status == 401, (authorization, answer)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "Authorization: Bearer" in answer.json["error"]
    for wrong in ("wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ü"):
        answer = ask(worker, path, CHANGES[path], token=wrong.encode().decode("latin-1"))
        assert answer.status == 403, (wrong, answer)
        assert TOKEN not in answer.body.decode()
    assert _state(worker) == before


def test_a_switch_is_moved_and_stays(deployment: Deployment) -> None:
    """By the worker that does not have its shard, too."""
    for worker, floodlight in zip(deployment.workers, ("fl-2", "fl-1"), strict=True):
        answer = post(worker, "/switches/1/move", {"floodlight": floodlight})
        assert answer.status == 202, answer
        row = until(
            lambda worker=worker: get(worker, f"/switches/{FIRST}")["switch"],
            lambda row, floodlight=floodlight: row["active"] == floodlight,
        )
        assert row["pinned"]


def test_a_floodlight_is_drained_and_used_again(worker: Worker) -> None:
    """Its switches go to the other, and it is what it was before then."""
    assert post(worker, "/floodlights/fl-1/drain", {}).status == 202
    until(
        lambda: get(worker, "/floodlights/fl-1")["floodlight"],
        lambda row: row["state"] == "drained" and row["switches"] == 0,
    )
    refused = post(worker, f"/switches/{FIRST}/move", {"floodlight": "fl-1"})
    assert refused.status == 409
    assert "drained" in refused.json["error"]
    assert post(worker, "/floodlights/fl-1/undrain", b"").status == 202
    until(lambda: get(worker, "/floodlights/fl-1")["floodlight"], lambda row: row["state"] == "up")


def test_preferences_bring_switches(worker: Worker) -> None:
    """The FL in the switch's region gets it."""
    name = SWITCHES[1]
    home = get(worker, f"/switches/{name}")["switch"]["active"]
    other = "fl-1" if home == "fl-2" else "fl-2"
    answer = post(worker, f"/floodlights/{other}/prefer", {"region": "west", "weight": 150})
    assert answer.status == 202, answer
    assert post(worker, f"/switches/{name}/place", {"region": "west"}).status == 202
    row = until(
        lambda: get(worker, f"/switches/{name}")["switch"], lambda row: row["active"] == other
    )
    assert row["region"] == "west"
    found = get(worker, f"/floodlights/{other}")["floodlight"]
    assert (found["region"], found["weight"]) == ("west", 150)
    assert post(worker, f"/floodlights/{other}/prefer", {"region": "", "weight": 100}).status == 202


def test_syncs_by_hand(worker: Worker) -> None:
    """One FL's, and all."""

    def began() -> list[int]:
        return [row["ended"] for row in get(worker, "/syncs")["items"]]

    before = until(began, all)
    assert post(worker, "/floodlights/fl-2/sync", {}).status == 202
    after = until(began, lambda now: now[1] > before[1])
    assert post(worker, "/sync", {}).status == 202
    until(began, lambda now: now[0] > after[0] and now[1] > after[1])


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/switches/1/move", {}, 400, "floodlight"),
        ("/switches/1/move", {"floodlight": "fl-9"}, 400, "no floodlight fl-9"),
        ("/switches/1/move", {"floodlight": "fl-2", "now": True}, 400, "now"),
        ("/switches/1/move", {"floodlight": "../x"}, 400, "floodlight"),
        ("/switches/1/move", b"{", 400, "body"),
        ("/switches/1/move", b"\xff\xfe", 400, "body"),
        ("/switches/1/move", b"[" * 9_000, 400, "body"),
        ("/switches/1/move", b" " * 20_000, 413, "10000"),
        ("/switches/77/move", {"floodlight": "fl-2"}, 404, "switch"),
        ("/switches/x/place", {"region": "west"}, 400, "eight bytes"),
        ("/switches/1/place", {"region": "we st"}, 400, "region"),
        ("/switches/1/place", {"region": "west\n"}, 400, "region"),
        ("/floodlights/fl-9/drain", {}, 404, "fl-9"),
        ("/floodlights/fl-1/drain", {"really": True}, 400, "really"),
        ("/floodlights/fl-1/prefer", {}, 400, "weight"),
        ("/floodlights/fl-1/prefer", {"weight": -1}, 400, "weight"),
        ("/floodlights/fl-1/prefer", {"weight": 1 << 60}, 400, "weight"),
        ("/floodlights/fl-9/sync", {}, 404, "fl-9"),
    ],
)
def test_bad_changes_are_told_what_is_wrong(
    worker: Worker, path: str, body: Any, status: int, told: str
) -> None:
    """And nothing changes."""
    before = _state(worker)
    answer = post(worker, path, body)
    assert (answer.status, told in answer.json["error"]) == (status, True), answer
    assert _state(worker) == before


def elsewhere(worker: Worker, path: str, token: str) -> tuple[int, bytes]:
    """The status and body for whoever sends {} from 127.0.0.2."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", worker.web_port, timeout=10 * HOPE, source_address=("127.0.0.2", 0)
    )
    with closing(connection):
        connection.request("POST", path, "{}", {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_too_many_changes_have_to_wait(deployment: Deployment) -> None:
    """429, and when to come back; soon after too many wrong tokens the right one is heard again."""
    worker = deployment.workers[1]
    path = "/api/v1/switches/nonsense/place"
    body = {"region": ""}
    wrong = [elsewhere(worker, path, "wrong") for _ in range(150)]
    assert {status for status, _ in wrong} == {403, 429}
    assert b"wrong tokens came from 127.0.0.2" in wrong[-1][1]
    assert ask(worker, path, body, token=TOKEN).status == 400, "nobody else is kept out"
    until(lambda: elsewhere(worker, path, TOKEN)[0], lambda found: found == 400)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, worker, path, body, token=TOKEN) for _ in range(500)]
    answers = [each.result() for each in asked]
    assert {answer.status for answer in answers} <= {400, 429}
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    until(lambda: ask(worker, path, body, token=TOKEN).status, lambda found: found == 400)


def test_wrong_methods(worker: Worker) -> None:
    """405 with those that there are."""
    answer = ask(worker, "/api/v1/switches", {})
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert ask(worker, "/api/v1/sync").status == 405


# -- for browsers and the curious -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/switches", "/api/v1/nothing", "/metrics", "/nothing"])
def test_browsers_are_told_to_be_careful(worker: Worker, path: str) -> None:
    """On every page, also on those that there are not; nothing is for other sites."""
    headers = ask(worker, path, Origin="http://evil.example").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_token_is_nowhere(deployment: Deployment) -> None:
    """Neither on a page nor in a log, whatever was asked with it."""
    worker = deployment.workers[0]
    post(worker, "/floodlights/fl-1/undrain", {})
    document = ask(worker, "/api/v1/openapi.json").json
    paths = [path for path, item in document["paths"].items() if "get" in item]
    paths += ["/metrics", "/", "/tables/switches", "/tables/floodlights"]
    for path in paths:
        page = ask(worker, re.sub(r"\{\w+\}", "fl-1", path))
        assert TOKEN.encode() not in page.body, path
        assert TOKEN not in str(page.headers)
    assert all(TOKEN not in each.output() for each in deployment.workers)


# -- its page -------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
EXAMPLES = [
    example
    for example in re.findall(r"^    (curl .*)$", PAGE, re.MULTILINE)
    if "/history" not in example  # tests/history has the worker that answers these
]


def test_the_page_names_every_path(worker: Worker) -> None:
    """And none that there is not."""
    document = ask(worker, "/api/v1/openapi.json").json
    reading = {path for path, item in document["paths"].items() if "get" in item}
    changing = {path for path, item in document["paths"].items() if "post" in item}
    assert {f"/api/v1{path}" for path in re.findall(r"^\| `(/\S+)` \|", PAGE, re.M)} == reading
    called = [re.sub(r'.*\$ROUTER([^"]*)".*', r"\1", each) for each in EXAMPLES if "TOKEN" in each]
    shown = {re.sub(r"(switches|floodlights)/[^/]+", r"\1/{id}", path) for path in called}
    assert shown == changing


def test_the_page_names_every_filter(worker: Worker) -> None:
    """Beside those that all lists have."""
    document = ask(worker, "/api/v1/openapi.json").json
    rows = dict(re.findall(r"^\| `(/\w+)` \|.*\|([^|]*)\|$", PAGE, re.MULTILINE))
    assert len(rows) == 11
    for path, told in rows.items():
        parameters = document["paths"][f"/api/v1{path}"]["get"]["parameters"]
        names = {each["name"] for each in parameters} - {"limit", "after", "local"}
        assert set(re.findall(r"`(\w+)`", told)) == names, path


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_page_work(worker: Worker, example: str) -> None:
    """As they stand there."""
    parser = argparse.ArgumentParser()
    for option in ("-H", "-d", "-X"):
        parser.add_argument(option)
    parser.add_argument("url")
    words = shlex.split(example.replace("$ROUTER", "").replace("$TOKEN", TOKEN))
    given = parser.parse_args(words[1:])
    name, _, value = (given.H or "Accept: */*").partition(": ")
    body = given.d.encode() if given.d else None
    answer = ask(worker, given.url, body, method=given.X, **{name: value})
    if answer.status == 503:
        answer = settled(worker, given.url, body, method=given.X, **{name: value})
    # Nothing ever came with the example's correlation id.
    wanted = {404} if "/requests/" in given.url else {202} if "TOKEN" in example else {200}
    assert answer.status in wanted, answer


# -- losing a worker ------------------------------------------------------------------------------


def test_a_worker_that_does_not_answer_is_named(deployment: Deployment) -> None:
    """What it has is missing, and said to be; a switch of its own is not said to be unknown."""
    one, other = deployment.workers
    shards = get(one, "/shards")["items"]
    theirs = {row["worker"] for row in get(other, "/shards?local=true")["items"]}
    [url] = theirs
    gone = {row["shard"] for row in shards if row["worker"] == url}
    other.freeze()
    try:
        page = ask(one, "/api/v1/switches").json
        assert page["missing"] == [url]
        assert set(page["missing_shards"]) == gone
        found = {row["id"] for row in page["items"]}
        assert found == {name for name in SWITCHES if deployment.home(name) not in gone}
        name = next(name for name in SWITCHES if name not in found)
        answer = ask(one, f"/api/v1/switches/{name}")
        assert answer.status == 503
        assert url in answer.json["error"]
        rows = ask(one, "/api/v1/workers").json["items"]
        assert {row["url"]: row["answering"] for row in rows}[url] is False
    finally:
        other.thaw()
