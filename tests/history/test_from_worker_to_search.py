"""The whole way: what workers write, the history worker keeps, and people find."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from flrouter.embedded import free_port
from flrouter.history import record
from tests.cli.command import typed
from tests.docs.blocks import of_page
from tests.docs.shell import run
from tests.support.api import ask
from tests.support.clients import read_all
from tests.support.deployment import Deployment
from tests.support.patience import HOPE
from tests.support.plain import INSTALL, Requester, command, switch_id

pytestmark = pytest.mark.broker

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
TOKEN = "open-sesame-1234567890"


class Stage:
    """A worker that writes a history, an FL with one switch, and a history worker."""

    def __init__(self, deployment: Deployment, history_port: int) -> None:
        self.deployment = deployment
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=[switch_id(1)])
        deployment.start_worker()
        deployment.start_history_worker(history_port)
        self.requester: Requester = deployment.requester()
        for name, switch in (("op-a1B2-1", 1), ("op-a1B2-2", 99)):
            self.requester.send(command({"clazz": INSTALL, "switch_id": switch_id(switch)}, name))
            self.requester.wait(name)

    def types(self, *arguments: str) -> Result:
        """Run `flrouter history`."""
        return typed("history", *arguments, settings=self.deployment.settings)

    def asks(self, *arguments: str) -> Any:
        """What it says as JSON."""
        done = self.types(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def until(self, question: Callable[[], Any]) -> Any:
        """What it gives as soon as that is something."""
        until = time.monotonic() + 30 * HOPE
        while not (answer := question()):
            if time.monotonic() > until:
                raise TimeoutError(self.deployment.workers[1].output(20))
            time.sleep(0.1)
        return answer

    def both(self) -> list[dict[str, Any]]:
        """The two requests, once they are there: the failed one first."""

        def found() -> list[dict[str, Any]]:
            done = self.types("search", "--id", "A1b2", "--json")
            assert done.exit_code < 2, done.output
            requests = json.loads(done.stdout)["requests"] if done.exit_code == 0 else []
            return requests if len(requests) == 2 else []

        return list(self.until(found))


@pytest.fixture(scope="module")
def stage(
    broker_url: str, work_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """All of it on the shared broker."""
    folder = tmp_path_factory.mktemp("database")
    history_port = free_port()
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        history="true",
        history_payload_bytes=20,
        history_database=folder,
        history_url=f"http://127.0.0.1:{history_port}",
        token=TOKEN,
    ) as deployment:
        yield Stage(deployment, history_port)


def test_each_request_is_found_with_its_steps(stage: Stage) -> None:
    """By a part of its correlation id, in upper or lower case."""
    refused, completed = stage.both()
    assert (completed["correlation_id"], completed["error"]) == ("op-a1B2-1", "")
    assert (completed["floodlight"], completed["switch"]) == ("fl-1", switch_id(1))
    steps = [completed[step] for step in ("received", "sent", "acked", "answered", "delivered")]
    assert steps == sorted(steps)
    assert steps[0] > 0
    assert completed["worker"].endswith(f":{stage.deployment.workers[0].web_port}")
    assert completed["kind"] == INSTALL.rpartition(".")[2]
    assert completed["command"]
    assert completed["answer"]
    assert (refused["error"], refused["sent"]) == ("NOT_FOUND", 0)


@pytest.mark.parametrize(
    "path", re.findall(r'^    curl "\$ROUTER(/api/v1/history\S*)"', API, re.MULTILINE)
)
def test_the_examples_of_the_page_on_the_api_work(stage: Stage, path: str) -> None:
    """A router's worker asks the history worker."""
    stage.both()
    answer = ask(stage.deployment.workers[0], path)
    assert answer.status == 200, answer
    assert "oldest" in answer.json


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--switch", "1"], ["op-a1B2-1"]),
        (["--floodlight", "fl-1", "--since", "1h"], ["op-a1B2-1"]),
        (["--error", "not_found"], ["op-a1B2-2"]),
        (["--error", "any", "--switch", "00:00:00:00:00:00:00:63"], ["op-a1B2-2"]),
        (["--completed"], ["op-a1B2-1"]),
        (["--until", "1h"], []),
    ],
)
def test_filters(stage: Stage, filters: list[str], expected: list[str]) -> None:
    """As an operator types them."""
    stage.both()
    found = stage.asks("search", *filters)["requests"]
    assert [one["correlation_id"] for one in found] == expected


def test_a_table_for_people_and_one_request_whole(stage: Stage) -> None:
    """With how long each step took."""
    refused, completed = stage.both()
    done = stage.types("search", "--id", "op-a1B2", "--limit", "1")
    assert "op-a1B2-2" in done.stdout
    assert "NOT_FOUND" in done.stdout
    assert f"--cursor {refused['id']}" in done.stderr
    rest = stage.asks("search", "--id", "op-a1B2", "--limit", "1", "--cursor", refused["id"])
    assert [one["id"] for one in rest["requests"]] == [completed["id"]]
    shown = stage.types("show", completed["id"])
    assert "(+" in shown.stdout
    assert stage.asks("show", completed["id"])["request"]["id"] == completed["id"]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["search", "--id", "ab"], 2, "needs 3 characters or more"),
        (["search", "--switch", "nonsense"], 2, "nonsense"),
        (["search", "--error", "NOT_FUND"], 2, "not_found"),
        (["search", "--since", "yesterday"], 2, "expected"),
        (["search", "--cursor", "x"], 2, "not a cursor"),
        (["show", "77"], 1, "there is no record 77"),
    ],
)
def test_what_cannot_be_asked(stage: Stage, arguments: list[str], status: int, text: str) -> None:
    """Is said in a line, with what would be right."""
    stage.both()
    done = stage.types(*arguments)
    assert done.exit_code == status
    assert text in done.output


def test_no_history_is_told(tmp_path: Path) -> None:
    """And what may be missing."""
    done = typed("history", "search", settings={"history_database": tmp_path / "none"})
    assert done.exit_code == 1
    assert "FLROUTER_HISTORY=true" in done.output


def test_orders_and_events(stage: Stage) -> None:
    """Who ordered what, also what was refused; and what happened by itself."""
    worker = stage.deployment.workers[0]
    for floodlight, status in (("fl-1", 202), ("fl-9", 404)):
        path = f"/api/v1/floodlights/{floodlight}/drain"
        assert ask(worker, path, {}, token=TOKEN).status == status

    def ordered() -> list[dict[str, Any]]:
        orders = stage.asks("events", "--kind", "order")["events"]
        return list(orders) if len(orders) == 2 else []

    refused, drain = stage.until(ordered)
    assert (drain["floodlight"], drain["text"], drain["result"]) == ("fl-1", "drain", "done")
    assert (drain["who"], drain["source"]) == ("token", "127.0.0.1")
    assert "fl-9" in refused["result"]

    def kinds() -> set[str]:
        told = {one["kind"] for one in stage.asks("events", "--floodlight", "fl-1")["events"]}
        return told & {"added", "sync", "drained", "order"}

    stage.until(lambda: len(kinds()) == 4)
    assert "drained" in stage.types("events").stdout


def test_the_page_on_the_history(stage: Stage, tmp_path: Path) -> None:
    """Every command of docs/history.md that looks finds what it is for."""
    stage.both()
    blocks = [block.text for block in of_page("docs/history.md") if block.language == "sh"]
    looking = [text for text in blocks if "history search" in text]
    found = run(looking, tmp_path, timeout=60, settings=stage.deployment.settings)
    assert "op-a1B2-1" in found


def test_the_same_over_http(stage: Stage) -> None:
    """Of a router's worker, which asks the history worker: requests, one whole, and events."""
    worker = stage.deployment.workers[0]
    wanted = stage.both()
    found = ask(worker, "/api/v1/history?correlation_id=A1b2").json["items"]
    assert [row["id"] for row in found] == [row["id"] for row in wanted]
    whole = ask(worker, f"/api/v1/history/requests/{found[1]['id']}").json
    assert whole == {"request": found[1], "parts": []}
    assert whole["request"]["answer"].startswith('{"')
    events = ask(worker, "/api/v1/history/events?floodlight=fl-1&kind=added").json["items"]
    assert [row["floodlight"] for row in events] == ["fl-1"]
    page = ask(worker, "/dashboard/history/requests")
    assert (page.status, b'href="../history/requests">History</a>' in page.body) == (200, True)


def test_metrics_of_the_history_worker(stage: Stage) -> None:
    """How many records it has read and kept, how many not yet, and how long searches took."""
    stage.both()
    router, worker = stage.deployment.workers[:2]
    assert ask(router, "/api/v1/history?switch=1").status == 200
    labels = f'app_id="{stage.deployment.name}"'

    def is_up_to_date() -> str:
        page = ask(worker, "/metrics").body.decode()
        return page if f"flrouter_history_lag_records{{{labels}}} 0.0" in page else ""

    page = stage.until(is_up_to_date)
    indexed = f'flrouter_history_read_records_total{{{labels},outcome="indexed"}} '
    assert int(float(page.partition(indexed)[2].split()[0])) > 0
    searches = f'flrouter_history_search_duration_seconds_count{{{labels},path="/history"}} '
    assert int(float(page.partition(searches)[2].split()[0])) > 0
    assert "process_resident_memory_bytes" in page


def test_what_comes_twice_is_kept_once(stage: Stage) -> None:
    """A history worker that is killed reads on; another one that reads it all changes nothing."""
    requests = stage.both()
    stage.deployment.workers[1].kill()
    stage.deployment.start_history_worker()
    stage.requester.send(command({"clazz": INSTALL, "switch_id": switch_id(1)}, "op-a1B2-3"))
    stage.requester.wait("op-a1B2-3")
    stage.until(lambda: stage.asks("search", "--id", "op-a1B2-3")["requests"])
    assert stage.asks("search", "--id", "op-a1B2")["requests"][1:] == requests


def test_what_is_left_is_written_at_the_end(stage: Stage) -> None:
    """A worker that is stopped writes what waited for company."""
    stage.requester.send(command({"clazz": INSTALL, "switch_id": switch_id(99)}, "op-last"))
    stage.requester.wait("op-last")
    stage.deployment.workers[0].terminate()
    records = read_all(stage.deployment.bootstrap, [f"{stage.deployment.name}-history"])
    told = [
        one.correlation_id
        for each in records
        for told_at_once in record.decode(each.value)
        for one in record.ended(told_at_once)
    ]
    assert "op-last" in told
