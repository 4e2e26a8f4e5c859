"""What `flrouter status` calls wrong, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.cli.looking.overview import Overview
from flrouter.cli.looking.problems import MAX_LAG_RECORDS, problems
from flrouter.cli.router import Silence

AGO = 1_764_000_000_000


def worker(**other: Any) -> dict[str, Any]:
    """One that is well, but for this."""
    well = {"url": "http://a:6066", "answering": True, "ready": True, "reason": ""}
    return well | {"lag": MAX_LAG_RECORDS, "held_back": [], "warnings": []} | other


def floodlight(**other: Any) -> dict[str, Any]:
    """One that is well, but for this."""
    return {"id": "fl-1", "state": "up", "since": AGO, "sync": sync(), "heard": True} | other


def sync(**other: Any) -> dict[str, Any]:
    """One that was whole."""
    return {"running": False, "ended": AGO, "succeeded": True} | other


FAILED = sync(succeeded=False)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (
            Overview([worker(answering=False, ready=False)], [floodlight()]),
            "worker http://a:6066: it does not answer",
        ),
        (
            Overview([worker(ready=False, reason="it is stopping")], [floodlight()]),
            "worker http://a:6066: it is stopping",
        ),
        (
            Overview([worker()], [floodlight()], Silence(shards=[12, 3])),
            "shards 3, 12 unavailable",
        ),
        (
            Overview([worker(held_back=["kilda.speaker/3"])], [floodlight()]),
            "worker http://a:6066: shards are full: commands wait in Kafka, in kilda.speaker/3",
        ),
        (
            Overview([worker(warnings=["floodlight fl-2 is left out: why"])] * 2, [floodlight()]),
            "floodlight fl-2 is left out: why",
        ),
        (Overview([worker(lag=10_001)], [floodlight()]), "worker http://a:6066: 10001 records"),
        (Overview([worker()], []), "no floodlight is known: `flrouter floodlight add`"),
        (
            Overview([worker()], [floodlight(state="outage", sync=None)]),
            "floodlight fl-1: has been down for ",
        ),
        (
            Overview([worker()], [floodlight(state="outage", sync=None, heard=False)]),
            "floodlight fl-1: never heard of",
        ),
        (
            Overview([worker()], [floodlight(sync=FAILED)]),
            "floodlight fl-1: its last sync failed at 2025-11-24 16:00:00",
        ),
    ],
    ids=range(10),
)
def test_each_thing_that_is_wrong_is_told(seen: Overview, told: str) -> None:
    """In a line of its own that names it."""
    (line,) = problems(seen)
    assert line.startswith(told)


def test_numbers_agree() -> None:
    """Switches of an FL that is out are not counted as if all were well with them."""
    rows = [
        floodlight(switches=16, pending=0),
        floodlight(id="fl-2", state="outage", switches=8, pending=3),
    ]
    seen = Overview([worker(shards=[0])], rows)
    assert "1 outage, 1 up; 24 switches (8 of them unmanaged), 3 commands" in seen.summary()
    assert "16 switches, 0 commands" in seen._replace(floodlights=rows[:1]).summary()


@pytest.mark.parametrize(
    "seen",
    [
        Overview([worker()], [floodlight()]),
        Overview([worker()], [floodlight(state="drained")]),
        Overview([worker()], [floodlight(sync=None)]),
        Overview([worker()], [floodlight(sync=sync(running=True, ended=0, succeeded=False))]),
    ],
    ids=["well", "drained", "home unknown", "the first sync runs"],
)
def test_all_is_well(seen: Overview) -> None:
    """What an operator wants, and what is not known yet, is no problem."""
    assert not problems(seen)


def test_one_thing_is_not_told_as_two() -> None:
    """Who does not answer is not also behind; an FL in outage not also out of sync."""
    seen = Overview(
        [worker(), worker(url="http://b:6066", answering=False, ready=False, lag=0)],
        [floodlight(state="outage", sync=FAILED)],
    )
    assert len(problems(seen)) == 2


def test_nobody_tells_of_floodlights() -> None:
    """That is not the same as that there are none."""
    (line,) = problems(Overview([worker()], [], Silence(shards=[0, 1])))
    assert line.startswith("shards 0–1")
