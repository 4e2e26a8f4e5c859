"""`flrouter floodlight`: FLs come and go under a running worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Running, flrouter, typed
from tests.support.api import ask, until
from tests.support.clients import create_topics, topics
from tests.support.deployment import Deployment

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """A running worker that knows fl.1, which is not there."""
    with Deployment(broker_url, work_folder, floodlights=["fl.1"], partitions=2) as found:
        found.create_topics()
        found.start_worker()
        yield found


def page(deployment: Deployment) -> dict[str, Any]:
    """What the worker says of its shards, as soon as it has them; a rebalance takes them."""
    return until(deployment.workers[0].stats, lambda found: found["shards"], timeout=60)


def listed(deployment: Deployment, *options: str) -> str:
    """What `flrouter floodlights` says."""
    url = f"http://127.0.0.1:{deployment.workers[0].web_port}"
    return typed("floodlights", *options, settings={"worker_url": url}).stdout


def row(deployment: Deployment, name: str) -> dict[str, Any]:
    """What it says of one FL."""
    rows = json.loads(listed(deployment, "--json"))
    return {row["id"]: row for row in rows}.get(name, {})  # a rebalance takes the shards


def test_one_that_never_said_anything_is_not_called_up(deployment: Deployment) -> None:
    """Nor is it an outage: it may never have been there."""

    def lines() -> list[str]:
        return [line for line in listed(deployment).splitlines() if line.startswith("fl.1 ")]

    [line] = until(lines, bool)  # a router that has just begun writes its FLs down first
    assert "never heard of" in line


def test_one_that_is_added_is_served_and_one_that_is_removed_is_not(
    deployment: Deployment,
) -> None:
    """An FL that the settings do not name gets its topics, its switches are known; then not."""
    done = flrouter("floodlight", "add", "fl-4", settings=deployment.settings)
    assert (done.returncode, done.stdout) == (0, "fl-4 is known to the router\n"), done.stderr
    names = {deployment.read_topic("fl-4"), deployment.write_topic("fl-4")}
    assert names <= topics(deployment.bootstrap)
    again = flrouter("floodlight", "add", "fl-4", settings=deployment.settings)
    assert (again.returncode, again.stdout) == (0, "fl-4 is known already\n"), again.stderr

    speaker = ("speaker", "--id", "fl-4", "--switches", "3", "--first-switch", "0x400")
    with Running(*speaker, settings=deployment.settings) as floodlight:
        floodlight.wait_for('"ready":true')
        until(
            lambda: page(deployment)["floodlights"].get("fl-4"),
            lambda found: found and found["switches"] == 3 and found["up"],
            timeout=60,
        )
        # Its switches may be known before it has answered an AliveRequest.
        shown = until(lambda: row(deployment, "fl-4"), lambda found: found["heard"], timeout=60)
        assert (shown["state"], shown["acks"]) == ("up", True)
        assert shown["switches"] == 3

        deployment.tell_shard("DrainFloodlight", "fl-4", True)
        until(
            lambda: row(deployment, "fl-4"),
            lambda found: found.get("state") == "drained",
            timeout=60,
        )

        done = flrouter("floodlight", "remove", "fl-4", settings=deployment.settings)
        assert (done.returncode, done.stdout) == (0, "fl-4 is removed\n"), done.stderr
        assert "fl-4" not in page(deployment)["floodlights"]
    heading, *lines = listed(deployment).splitlines()
    assert heading.split()[:4] == ["floodlight", "state", "since", "acks"]
    assert [line.split()[0] for line in lines] == ["fl.1"]
    deployment.assert_running()


def test_one_that_cannot_acknowledge(deployment: Deployment) -> None:
    """`--no-ack` reaches every shard, also when the FL was known without it; no more changes."""

    def preferred() -> tuple[Any, ...]:
        found = ask(deployment.workers[0], "/api/v1/floodlights/fl.1").json
        row = found.get("floodlight", {})  # a rebalance takes the shards
        return tuple(row.get(name) for name in ("region", "weight", "acks"))

    deployment.tell_shard("PreferFloodlight", "fl.1", "west", 7)
    until(preferred, lambda found: found == ("west", 7, True), timeout=60)
    done = flrouter("floodlight", "add", "fl.1", "--no-ack", settings=deployment.settings)
    assert done.returncode == 0, done.stderr
    assert until(preferred, lambda found: found[2] is not True, timeout=60) == ("west", 7, False)


def test_what_cannot_be_is_refused(deployment: Deployment) -> None:
    """An unknown FL, one whose topics' names collide, one whose topics do not fit the router."""
    create_topics(deployment.bootstrap, {deployment.read_topic("fl-7"): 1})
    wrong = f"flrouter: topic {deployment.read_topic('fl-7')} has 1 partitions"
    for arguments, status, text in (
        (("remove", "fl-9"), 1, "flrouter: the router does not know fl-9; it knows fl.1\n"),
        (("add", "fl-7"), 2, wrong),
        (("add", "fl_1"), 1, "flrouter: fl_1 and fl.1 would share their topics: choose another"),
    ):
        done = flrouter("floodlight", *arguments, settings=deployment.settings)
        assert done.returncode == status
        assert done.stderr.startswith(text)
    assert page(deployment)["floodlights"].keys().isdisjoint({"fl-7", "fl-9", "fl_1"})


def test_a_router_that_never_ran(broker_url: str) -> None:
    """Nothing is made for it, and it is said how to start one."""
    settings = {"broker": broker_url, "app_id": "never-ran"}
    done = flrouter("floodlight", "remove", "fl-1", settings=settings)
    assert done.returncode == 1
    assert "no router with app id 'never-ran' has ever run" in done.stderr
    assert not [name for name in topics(broker_url.partition("://")[2]) if "never-ran" in name]
