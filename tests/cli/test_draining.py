"""`flrouter drain --wait` says that an FL is empty when that is sure, and at no other time."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.cli.changing.draining import Left, emptied
from flrouter.cli.router import Router
from flrouter.failure import Failure
from flrouter.settings.model import Settings
from tests.cli.scripted import scripted

Said = tuple[int, Any]
AWAY = {"missing": ["http://b:6066"], "missing_shards": [1, 3]}
TAKEN_OVER = {"missing": [], "missing_shards": [2]}
ALL = {"missing": [], "missing_shards": []}
BUSY = (
    503,
    {"error": "fl-1 may exist, but a part of the router is unavailable"},
)


def switches(count: int, silence: dict[str, Any] = ALL, after: str | None = None) -> Said:
    """The page of those that the FL speaks for."""
    return 200, {"items": [{"id": str(each)} for each in range(count)], "next": after, **silence}


def floodlight(
    pending: int, silence: dict[str, Any] = ALL, *, drained: bool = True, counted: int = 0
) -> Said:
    """The FL; `counted` are the switches that it had some seconds ago."""
    row = {"id": "fl-1", "drained": drained, "pending": pending, "switches": counted}
    return 200, {"floodlight": row, **silence}


def left(of_switches: list[Said], of_floodlight: list[Said], wait: float = 0.0) -> Left:
    """What is left when these are the answers."""
    script = {"switches": of_switches, "floodlights/fl-1": of_floodlight}
    with scripted(script) as url:
        return emptied(Router(Settings(worker_url=url)), "fl-1", wait)


@pytest.mark.parametrize(
    ("of_switches", "of_floodlight", "why"),
    [
        (switches(0, AWAY), floodlight(0), "http://b:6066 does not answer"),
        (switches(0), floodlight(0, AWAY), "shards 1, 3"),
        (switches(0), floodlight(0, TAKEN_OVER), "rebalancing"),
        (switches(0, TAKEN_OVER), floodlight(0), "shards 2"),
        (switches(2, AWAY), floodlight(0, AWAY), "does not answer"),
        (switches(0), floodlight(0, drained=False), "not drained"),
        (switches(0), BUSY, "is unavailable"),
        (BUSY, floodlight(0), "is unavailable"),
    ],
    ids=range(8),
)
def test_it_says_that_it_does_not_know(of_switches: Said, of_floodlight: Said, why: str) -> None:
    """A shard does not tell, or has not been told: who stops the FL then loses commands."""
    with pytest.raises(Failure, match="Do not stop it yet") as failure:
        left([of_switches], [of_floodlight])
    assert why in failure.value.message
    assert failure.value.exit_code == 1


@pytest.mark.parametrize(
    ("of_switches", "of_floodlight", "expected"),
    [
        (switches(0), floodlight(0), Left(0, 0)),
        (switches(0), floodlight(0, counted=7), Left(0, 0)),
        (switches(2), floodlight(0), Left(2, 0)),
        (switches(0), floodlight(3), Left(0, 3)),
        (switches(1_000, after="99"), floodlight(0, counted=40_000), Left(40_000, 0)),
    ],
    ids=range(5),
)
def test_the_switches_are_those_of_now(
    of_switches: Said, of_floodlight: Said, expected: Left
) -> None:
    """And not those that were counted some seconds ago."""
    assert left([of_switches], [of_floodlight]) == expected


def test_it_waits_for_those_who_do_not_tell_at_once() -> None:
    """One that does not answer may do so a moment later."""
    of_switches = [BUSY, switches(0, AWAY), switches(1), switches(0)]
    of_floodlight = [floodlight(0, drained=False), floodlight(0, TAKEN_OVER), floodlight(0)]
    assert left(of_switches, of_floodlight, 30) == Left(0, 0)
