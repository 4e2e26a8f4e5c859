"""The command line while one of two workers does not answer: just when somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result

from flrouter.cli.output import ranges
from tests.cli.command import typed
from tests.support.api import ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.plain import INSTALL, Behaviour, command, info, nothing, switch_id

pytestmark = pytest.mark.broker

SWITCHES = [switch_id(number) for number in range(1, 13)]


class Half(NamedTuple):
    """A router of which half does not answer."""

    deployment: Deployment
    fresh: Worker
    frozen: Worker
    #: of the frozen worker.
    url: str
    shards: set[int]

    def types(self, *arguments: str) -> Result:
        """Ask the worker that answers."""
        url = f"http://127.0.0.1:{self.fresh.web_port}"
        return typed(*arguments, settings=self.deployment.settings | {"worker_url": url})

    def at_fresh(self, switch: str) -> bool:
        """Whether the worker that answers has the switch."""
        return self.deployment.home(switch) not in self.shards


@pytest.fixture(scope="module")
def whole(broker_url: str, work_folder: Path) -> Iterator[Half]:
    """Before one of its workers is frozen."""
    with Deployment(
        broker_url,
        work_folder,
        token="open-sesame-open-sesame",
        session_timeout=60,
        response_timeout=100,
    ) as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=SWITCHES).default = Behaviour(nothing)
        deployment.floodlight("fl-2", switches=SWITCHES).default = Behaviour(info())
        # Together: with such a session timeout the embedded broker takes long for each join.
        one, other = (deployment.start_worker(wait=False) for _ in range(2))
        for worker in (one, other):
            worker.wait_ready()
        until(
            lambda: [row["shards"] for row in ask(one, "/api/v1/workers").json["items"]],
            lambda shards: len(shards) == 2 and all(shards),
        )
        until(
            lambda: ask(one, "/api/v1/switches").json["items"],
            lambda rows: sum(len(row["holders"]) for row in rows) == 2 * len(SWITCHES),
            timeout=60,
        )
        rows = ask(one, "/api/v1/workers").json["items"]
        (row,) = (row for row in rows if str(other.web_port) in row["url"])
        found = Half(deployment, one, other, row["url"], set(row["shards"]))
        assert 0 < len(found.shards) < deployment.partitions
        requester = deployment.requester()
        switch = next(switch for switch in SWITCHES if found.at_fresh(switch))
        requester.send(command({"clazz": INSTALL, "switch_id": switch}, "op"), switch)
        until(lambda: found.types("trace", "op").exit_code, lambda status: status == 0, timeout=60)
        yield found


@pytest.fixture
def half(whole: Half) -> Iterator[Half]:
    """One worker is frozen for the time of a test, which is too short for Kafka to miss it."""
    whole.frozen.freeze()
    yield whole
    whole.frozen.thaw()


def test_the_status_names_it(half: Half) -> None:
    """And the shards that nobody tells of; FLs are known to the other worker too."""
    done = half.types("status")
    assert done.exit_code == 1
    assert "2 workers" in done.stdout
    assert f"worker {half.url}: it does not answer" in done.stdout
    assert f"shards {ranges(half.shards)} unavailable" in done.stdout
    found = json.loads(half.types("status", "--json").stdout)
    assert not found["well"]
    assert len(found["problems"]) == 2
    assert (found["missing"], set(found["missing_shards"])) == ([half.url], half.shards)


@pytest.mark.parametrize("arguments", [("floodlights",), ("switches",), ("trace", "op")])
def test_what_is_known_is_shown(half: Half, arguments: tuple[str, ...]) -> None:
    """It says who does not tell, and its exit status that this is not all."""
    done = half.types(*arguments, "--json")
    assert done.exit_code == 1
    assert half.url in done.stderr
    assert "incomplete" in done.stderr
    found = json.loads(done.stdout)
    if arguments == ("floodlights",):
        assert [row["id"] for row in found] == ["fl-1", "fl-2"]
    elif arguments == ("switches",):
        assert {row["id"] for row in found} == {each for each in SWITCHES if half.at_fresh(each)}
    else:
        assert found["requests"][0]["correlation_id"] == "op"
    table = half.types(*arguments)
    assert len(table.stdout.splitlines()) > 1
    assert half.url in table.stderr


def test_top_starts_and_goes_on(half: Half) -> None:
    """With those who answer; it says who does not."""
    done = half.types("top", "--times", "2", "--every", "0.2")
    assert done.exit_code == 0
    for text in ("fl-1", "fl-2", f"{half.url} does not answer", "ready"):
        assert text in done.stdout
    done = half.types("top", "--times", "2", "--every", "0.2", "--json")
    looks: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(look["floodlights"]) for look in looks] == [2, 2]
    assert [look["missing"] for look in looks] == [[half.url]] * 2


def test_a_drained_floodlight_is_not_called_empty(half: Half) -> None:
    """What is pending in the other half, nobody knows."""
    done = half.types("drain", "fl-2", "--wait", "1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Do not stop it yet" in done.stderr
    assert half.url in done.stderr
