"""The commands that ask a worker, and have it change something: good and bad arguments."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.command import Running, typed
from tests.cli.operator import FIRST, SECOND, SHARED, Operator
from tests.support.plain import INSTALL, Behaviour, command, nothing

pytestmark = pytest.mark.broker


def test_looking(operator: Operator) -> None:
    """FLs, switches, and whether all is well; for people and for programs."""
    assert operator.asks("status")["well"]
    done = operator.types("status")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 up; 3 switches" in done.stdout
    assert "all is well" in done.stdout
    assert [row["id"] for row in operator.asks("floodlights")] == ["fl-1", "fl-2"]
    assert {row["id"] for row in operator.asks("switches")} == {SHARED, FIRST, SECOND}
    assert len(operator.asks("switches", "--limit", "2")) == 2
    assert {row["id"] for row in operator.asks("switches", "--floodlight", "fl-2")} == {
        SHARED,
        SECOND,
    }
    shown = operator.types("switches", FIRST)
    assert shown.exit_code == 0
    assert "fl-1 (RW)" in shown.stdout
    assert operator.asks("switches", "2")["switch"]["id"] == FIRST


@pytest.mark.parametrize("option", ["--active", "--floodlight"])
def test_switches_of_nobody(operator: Operator, option: str) -> None:
    """None, of an FL that there is; and an error that names one that there is not."""
    done = operator.types("switches", option, "fl-77")
    assert done.exit_code == 1
    assert "there is no floodlight fl-77" in done.stderr
    assert operator.asks("switches", option, "fl-1", "--region", "nowhere") == []


def test_tracing(operator: Operator) -> None:
    """A command while it waits, and after its answer."""
    operator.first.script[FIRST] = Behaviour(nothing)
    payload = {"clazz": INSTALL, "switch_id": FIRST, "serial": "slow"}
    operator.requester.send(command(payload, "where is it?"), FIRST)
    operator.first.request("slow")
    (row,) = operator.asks("trace", "where is it?")["requests"]
    assert (row["switch"], row["floodlight"]) == (FIRST, "fl-1")
    assert row["state"] in ("sent", "acknowledged")
    operator.first.script.clear()
    payload = {"clazz": INSTALL, "switch_id": SECOND}
    operator.requester.send(command(payload, "done/1"), SECOND)
    operator.requester.wait("done/1")
    done = operator.types("trace", "done/1")
    assert done.exit_code == 0
    for text in ("answered", SECOND, "fl-2"):
        assert text in done.stdout


def test_moving_and_draining(operator: Operator) -> None:
    """A switch goes where it is told to; a drained FL keeps only what nobody else has."""
    active = operator.asks("switches", SHARED)["switch"]["active"]
    other = {"fl-1": "fl-2", "fl-2": "fl-1"}[active]
    assert "message" in operator.asks("move", SHARED, other)
    operator.requester.until(
        lambda: operator.asks("switches", SHARED)["switch"]["active"] == other, 20, "the move"
    )
    done = operator.types("drain", other, "--wait", "3")
    assert done.exit_code == 1, "what only it holds stays"
    assert f"{other} is drained: 1 switches stay" in done.stdout
    assert operator.asks("switches", SHARED)["switch"]["active"] == active
    assert "message" in operator.asks("undrain", other)
    assert "message" in operator.asks("prefer", other, "--region", "north", "--weight", "50")
    assert "message" in operator.asks("place", SHARED, "north")
    assert "message" in operator.asks("place", SHARED)


def test_syncing(operator: Operator) -> None:
    """One FL, or all of them."""
    before = len(operator.first.sync_requests)
    assert "message" in operator.asks("sync", "fl-1")
    operator.first.until(lambda: len(operator.first.sync_requests) > before, 20, "a sync")
    before = len(operator.second.sync_requests)
    assert "message" in operator.asks("sync")
    operator.second.until(lambda: len(operator.second.sync_requests) > before, 20, "a sync")


def test_top(operator: Operator) -> None:
    """Into a pipe, and for programs; rates are those between two looks."""
    done = operator.types("top", "--times", "1")
    assert done.exit_code == 0, done.stderr
    for text in ("fl-1", "fl-2", "ready"):
        assert text in done.stdout
    done = operator.types("top", "--times", "2", "--every", "0.2", "--json")
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[row["id"] for row in look["floodlights"]] for look in looks] == [["fl-1", "fl-2"]] * 2
    assert all(row["ready"] for look in looks for row in look["workers"])


def test_top_shows_what_goes_on(operator: Operator) -> None:
    """Answers come while it looks."""
    url = f"http://127.0.0.1:{operator.worker.web_port}"
    payload = {"clazz": INSTALL, "switch_id": SECOND}
    with Running("top", "--times", "2", "--every", "2", settings={"worker_url": url}) as running:
        while running.process.poll() is None:
            operator.requester.send(command(payload, None), SECOND)
            time.sleep(0.02)
        row = running.wait_for("fl-2 ").split()
    answers, mean = float(row[6]), float(row[7])
    assert answers > 5
    assert mean > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("trace", "never sent"), "never sent"),
        (("switches", "0xnothing"), "switch"),
        (("switches", "99"), "00:00:00:00:00:00:00:99"),
        (("switches", "--limit", "0"), "limit"),
        (("move", SECOND, "fl-1"), "fl-1"),
        (("move", FIRST, "fl-9"), "fl-9"),
        (("move", FIRST), "FLOODLIGHT"),
        (("drain", "fl-9"), "fl-9"),
        (("drain", "no/such"), "no/such"),
        (("undrain", "fl-9"), "fl-9"),
        (("undrain",), "FLOODLIGHT"),
        (("place", "0xnothing", "north"), "0xnothing"),
        (("place", FIRST, "no region"), "region"),
        (("place",), "SWITCH"),
        (("status", "fl-1"), "fl-1"),
        (("floodlights", "fl-1"), "fl-1"),
        (("floodlights", "--state", "up"), "--state"),
        (("prefer", "fl-1"), "--region"),
        (("prefer", "fl-1", "--weight", "-1"), "weight"),
        (("sync", "fl-9"), "fl-9"),
        (("top", "--every", "0"), "every"),
    ],
    ids=" ".join,
)
def test_what_cannot_be(operator: Operator, arguments: tuple[str, ...], told: str) -> None:
    """It says so in one line that names what is wrong, and nothing of Python's."""
    done = operator.types(*arguments)
    assert done.exit_code in (1, 2)
    assert told in done.stderr


def test_changes_need_the_token(operator: Operator) -> None:
    """Without it, or with another one, nothing changes, and the setting is named."""
    for token in ("", "another-token-than-the-router-has"):
        done = operator.types("drain", "fl-1", token=token)
        assert done.exit_code == 1
        assert "FLROUTER_TOKEN" in done.stderr
    assert operator.asks("floodlights")[0]["state"] == "up"


def test_an_outage(operator: Operator) -> None:
    """The status names the FL, for people and in its exit status, until it is over."""
    operator.second.alive = False
    try:
        operator.second.until(lambda: operator.types("status").exit_code, 30, "the outage")
        done = operator.types("status")
        assert "1 outage, 1 up" in done.stdout
        assert "floodlight fl-2: has been down for " in done.stdout
        assert not operator.asks("status", status=1)["well"]
    finally:
        operator.second.alive = True
    operator.second.until(lambda: not operator.types("status").exit_code, 30, "its end")


def test_no_worker_answers() -> None:
    """It says where it asked, and which setting that is."""
    done = typed("status", settings={"worker_url": "http://127.0.0.1:9"})
    assert done.exit_code == 1
    assert "FLROUTER_WORKER_URL" in done.stderr
