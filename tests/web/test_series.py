"""The last hour: what a worker notes of it, and what all of them make of it together."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession

from flrouter.app import create_app
from flrouter.clock import now_ms
from flrouter.core.shard import Shard
from flrouter.core.values.effects import End
from flrouter.core.values.home import home
from flrouter.core.values.records import Floodlight
from flrouter.faust_side.app import RouterApp
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import load
from flrouter.telemetry.ended import BOUNDS
from flrouter.telemetry.histogram import quantile
from flrouter.web.api.reading.series import merged
from flrouter.web.calls.shapes import Series
from flrouter.web.series.recorder import ALL, COLUMNS, MAX_FLOODLIGHTS, Recorder
from flrouter.web.series.ring import STEP_MS, STEPS, Ring
from tests.web.served import served

SETTINGS = load({})
SWITCH = "00:00:00:00:00:00:00:01"


def shard_of(*floodlights: str, up: bool = True) -> Shard:
    """The home of the first of these, which knows all."""
    number = home(floodlights[0], SETTINGS.partitions)
    made = Shard(number, rules_of(SETTINGS), SETTINGS.message_catalog)
    for name in floodlights:
        made.context.floodlights[name] = Floodlight(1, known=True, up=up)
    return made


def worker_of(shard: Shard) -> RouterApp:
    """A worker that has this shard."""
    app = create_app(SETTINGS)
    runner = SimpleNamespace(core=shard, waiting=0, progress={})
    app.shards.ownership.runners[shard.context.number] = runner  # type: ignore[assignment]
    return app


def ends(*took: int, error: str = "", floodlight: str = "fl-1", at: int = 0) -> list[End]:
    """Requests of a switch that have had their answer."""
    return [
        End("n", "op", "in/0/1", SWITCH, floodlight, "answers", at - ms, at, error) for ms in took
    ]


def row(recorder: Recorder, name: str, step: int) -> dict[str, int] | None:
    """What was noted of a step, by column; "took" has how many answers came."""
    noted = recorder.rows(name, step)[-1]
    if noted is None:
        return None
    columns = dict(zip(COLUMNS, noted, strict=False))
    return columns | {"took": sum(noted[len(COLUMNS) :])}


def test_a_ring_keeps_an_hour() -> None:
    """Its memory stays as it is, and older rows are gone."""
    ring = Ring(2)
    for step in range(STEPS + 1):
        ring.put(step, (step, 1 << 40))
    assert ring.get(0) is None
    assert list(ring.get(STEPS) or ()) == [STEPS, (1 << 32) - 1]
    assert ring.get(STEPS + 1) is None


def test_each_step_has_what_was_counted_in_it() -> None:
    """By FL, and of all together; what has no FL is in the latter alone."""
    app = worker_of(shard_of("fl-1", "fl-2"))
    recorder = Recorder(app)
    app.shards.counts["commands", "fl-1"] = 100
    recorder.take(1 * STEP_MS)
    assert row(recorder, ALL, 0) is None, "nobody knows when those were counted"
    app.shards.counts["commands", "fl-1"] += 7
    app.shards.ended.take(0, ends(3, 30, 300))
    app.shards.ended.take(0, ends(5, error="TIMEOUT") + ends(5, error="NOT_FOUND", floodlight=""))
    recorder.take(2 * STEP_MS + 1)
    one = row(recorder, "fl-1", 1)
    assert one == {
        "commands": 7,
        "answered": 3,
        "failed": 1,
        "pending": 0,
        "lag": 0,
        "outages": 0,
        "took": 3,
    }
    assert row(recorder, ALL, 1) == one | {"failed": 2}
    assert row(recorder, "fl-2", 1) == dict.fromkeys(one, 0)


def test_what_was_counted_while_the_worker_stood_still_belongs_to_no_step() -> None:
    """It would be a peak that never was."""
    app = worker_of(shard_of("fl-1"))
    recorder = Recorder(app)
    recorder.take(1 * STEP_MS)
    app.shards.counts["commands", "fl-1"] += 1_000
    recorder.take(5 * STEP_MS)
    recorder.take(6 * STEP_MS)
    assert row(recorder, ALL, 4) is None
    assert (row(recorder, ALL, 5) or {})["commands"] == 0


def test_an_outage_is_noted_by_the_home_alone() -> None:
    """Once in the whole router; also one that came and went within a step."""
    near = shard_of("fl-1")
    far = next(name for name in map(str, range(99)) if home(name, 8) != near.context.number)
    near.context.floodlights[far] = Floodlight(1, known=True, up=False)
    app = worker_of(near)
    recorder = Recorder(app)
    recorder.take(1 * STEP_MS)
    app.shards.counts["outages", "fl-1"] += 1
    for step in (1, 2):
        recorder.take((step + 1) * STEP_MS)
    assert [(row(recorder, name, 1) or {})["outages"] for name in (ALL, "fl-1", far)] == [1, 1, 0]
    assert (row(recorder, "fl-1", 2) or {})["outages"] == 0
    near.context.floodlights["fl-1"] = Floodlight(2, known=True, up=False)
    recorder.take(4 * STEP_MS)
    assert (row(recorder, "fl-1", 3) or {})["outages"] == 1


def test_it_keeps_so_many_floodlights() -> None:
    """One more is in the sum alone, until another one is removed."""
    names = [f"fl-{number}" for number in range(MAX_FLOODLIGHTS + 1)]
    shard = shard_of(*names)
    recorder = Recorder(worker_of(shard))
    for step in (1, 2):
        recorder.take(step * STEP_MS)
    kept = [name for name in names if row(recorder, name, 1)]
    assert len(kept) == MAX_FLOODLIGHTS
    del shard.context.floodlights[kept[0]]
    recorder.take(3 * STEP_MS)
    assert [name for name in names if row(recorder, name, 2)] == [
        name for name in names if name != kept[0]
    ]


def series(*answered: int | None) -> Series:
    """A worker's, of some steps; all answers took 10 to 25 ms."""
    nothing: list[int | None] = [None for _ in answered]
    took = [None if n is None else [0, 0, n, *[0] * 11] for n in answered]
    bounds = [bound / 1000 for bound in BOUNDS]
    times = [STEP_MS * step for step in range(len(answered))]
    columns = (nothing, list(answered), nothing, nothing, nothing, nothing)
    return Series(times, STEP_MS, *columns, took, bounds, [], [])


def test_workers_together() -> None:
    """Their sums, and percentiles of all answers; who knows nothing adds nothing."""
    whole = merged([series(4, 3, None), series(6, None, None)], all_must_know=False)
    assert whole.answered == [10, 3, None]
    assert whole.p50 == [0.0175, 0.0175, None]
    assert merged([series(4, 3), series(6, None)], all_must_know=True).answered == [10, None]


@pytest.mark.parametrize(
    ("counts", "part", "wanted"),
    [
        ([], 0.5, None),
        ([0, 0, 0], 0.5, None),
        ([4, 0, 0], 0.5, 5.0),
        ([2, 2, 0], 0.75, 15.0),
        ([0, 0, 9], 0.95, 20.0),
    ],
)
def test_percentiles(counts: list[int], part: float, wanted: float | None) -> None:
    """As Prometheus tells them of the same buckets."""
    assert quantile(counts, [10, 20], part) == wanted


def test_a_switch_has_the_requests_that_are_remembered() -> None:
    """Since all are: before that nobody knows; and both a switch and an FL cannot be asked for."""

    async def ask() -> None:
        app, now = create_app(SETTINGS), now_ms() + STEP_MS
        app.shards.ended.take(0, ends(20, 20, at=now) + ends(7, error="TIMEOUT", at=now))
        async with served(shard_of("fl-1"), app) as url, ClientSession(url) as session:
            query = {"switch": "0x1", "until": str(now), "local": "true"}
            async with session.get("/api/v1/series", params=query) as answer:
                found = await answer.json()
            assert [found[name][-1] for name in ("answered", "failed", "commands")] == [2, 1, None]
            assert found["p50"][-1] == pytest.approx(0.0175)
            assert found["answered"][0] is None, "this worker has not run for an hour"
            async with session.get("/api/v1/series?switch=1&floodlight=fl-1") as answer:
                assert answer.status == 400

    asyncio.run(ask())
