"""The last hour of the router, of an FL or of a switch, from all workers.

A switch has no ring: its hour is made of the requests that workers remember.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from flrouter.clock import now_ms
from flrouter.telemetry.ended import BOUNDS
from flrouter.telemetry.histogram import Histogram, quantile
from flrouter.web.api.reading.lists import read_switch
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.queries import Hour
from flrouter.web.calls.scans import in_turns
from flrouter.web.calls.shapes import Series
from flrouter.web.series.recorder import COLUMNS
from flrouter.web.series.ring import STEP_MS, STEPS

Known = TypeVar("Known")
Column = list[int | None]

#: ms; this long after the end of a step all workers have noted it.
_NOTED_MS = 1_000
_BOUNDS_S = [bound / 1000 for bound in BOUNDS]
_UNKNOWN: Column = [None] * STEPS


async def _series(call: Call) -> Series:
    query: Hour = call.query
    if query.switch and query.floodlight:
        raise Refusal(400, "query: expected a switch or a floodlight, not both")
    until = query.until or now_ms() - _NOTED_MS - STEP_MS
    last = until // STEP_MS
    if query.switch:
        own = await _of_switch(call, read_switch(query.switch), last)
    else:
        own = _of_rows(call.site.recorder.rows(query.floodlight, last), last)
    if query.local:
        return own
    asked = msgspec.structs.replace(query, until=until)
    others, missing = await call.site.workers.ask(f"{BASE}/series", asked, Series)
    whole = merged([own, *others], all_must_know=bool(query.switch))
    whole.missing = missing
    return whole


def _times(last: int) -> list[int]:
    return [step * STEP_MS for step in range(last - STEPS + 1, last + 1)]


def _of_rows(rows: Sequence[Sequence[int] | None], last: int) -> Series:
    """The hour of a ring."""
    columns: list[Column] = [
        [None if row is None else row[column] for row in rows] for column in range(len(COLUMNS))
    ]
    latencies = [None if row is None else list(row[len(COLUMNS) :]) for row in rows]
    return _summed_up(_times(last), columns, latencies)


async def _of_switch(call: Call, switch: str, last: int) -> Series:
    """The hour of a switch, as far back as this worker remembers all requests."""
    times = _times(last)
    answered, failed = [0] * STEPS, [0] * STEPS
    took = [Histogram(BOUNDS) for _ in times]
    ended = call.app.shards.ended
    async with call.site.scans.turn():
        answered_since, failed_since = ended.since()
        for chunks in in_turns(ended.last()):
            for end in (end for chunk in chunks for end in chunk.about("switch", switch)):
                step = end.ended // STEP_MS - times[0] // STEP_MS
                if 0 <= step < STEPS and end.error:
                    failed[step] += 1
                elif 0 <= step < STEPS:
                    answered[step] += 1
                    took[step].add(end.ended - end.received)
            await asyncio.sleep(0)

    def known(values: Iterable[Known], since: int) -> list[Known | None]:
        return [value if at >= since else None for at, value in zip(times, values, strict=True)]

    latencies = known((histogram.counts for histogram in took), answered_since)
    counted = (known(answered, answered_since), known(failed, failed_since))
    return _summed_up(times, (_UNKNOWN, *counted, _UNKNOWN, _UNKNOWN, _UNKNOWN), latencies)


def merged(parts: Sequence[Series], *, all_must_know: bool) -> Series:
    """The sums of several workers' series of the same steps.

    Args:
        parts: at least one.
        all_must_know: a number is unknown if one of them does not know it; otherwise, if none
            does.
    """
    enough = len(parts) if all_must_know else 1

    def added(
        lists: Iterable[list[Known | None]], add: Callable[[list[Known]], Known]
    ) -> list[Known | None]:
        steps = ([one for one in step if one is not None] for step in zip(*lists, strict=True))
        return [add(known) if len(known) >= enough else None for known in steps]

    columns = [added((getattr(part, name) for part in parts), sum) for name in COLUMNS]
    return _summed_up(parts[0].at, columns, added((part.latencies for part in parts), _by_bucket))


def _by_bucket(histograms: list[list[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*histograms, strict=True)]


def _summed_up(
    at: list[int], columns: Sequence[Column], latencies: list[list[int] | None]
) -> Series:
    commands, answered, failed, pending, lag, outages = columns
    p50, p95 = (
        [quantile(counts or (), _BOUNDS_S, part) for counts in latencies] for part in (0.5, 0.95)
    )
    return Series(
        *(at, STEP_MS, commands, answered, failed, pending, lag, outages),
        *(latencies, _BOUNDS_S, p50, p95),
    )


OPERATIONS = (
    Operation(
        "/series",
        "The last hour in steps of ten seconds: of all FLs, of one, or of a switch.",
        _series,
        Series,
        Hour,
    ),
)
