"""The summary: from the turns of each contender to medians, and from those to ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders import (
    DIRECT,
    LOOPS,
    OURS,
    OURS_EXACTLY_ONCE,
    STREAMS_EXACTLY_ONCE,
)
from benchmarks.figures import median, ratio, spread

#: one turn of a contender: what the requester said of `closed` and of `open`.
Turn = Mapping[str, Any]
Figures = dict[str, float | None]

#: what is compared with ours, and whether it is ours / theirs (all of them are).
COMPARED = ("per_cpu_second", "throughput", "added_p50", "added_p99", "memory")
#: of what the clients and the broker do without a router: above it they are what limits a run.
CEILING = 0.8
#: of one core: above it a router with a single busy thread is what limits a run; and of all
#: cores: above it the machine is.
BUSY = 0.85


def of_turns(turns: Sequence[Turn], direct: Sequence[Turn]) -> Figures:
    """The medians of a contender's turns; empty when there are none.

    Latency added is what a command took beyond the median of those that went without a router, in
    the same round.

    Args:
        turns: its own, a turn per round.
        direct: those without a router.
    """
    if not turns:
        return {}
    closed = [turn["closed"] for turn in turns]
    per_cpu = [each["answered"] / each["cpu"]["router"] for each in closed if each["cpu"]["router"]]
    figures: Figures = {
        "per_cpu_second": median(per_cpu) if per_cpu else None,
        "spread": spread(per_cpu) if per_cpu else None,
        "throughput": median([each["answered"] / each["seconds"] for each in closed]),
        "router_busy": median([each["cpu"]["router"] / each["seconds"] for each in closed]),
        "others_busy": median([each["cpu"]["others"] / each["seconds"] for each in closed]),
        "machine_busy": median([sum(each["cpu"].values()) / each["seconds"] for each in closed]),
        "memory": median([each["memory"]["router"] for each in closed]),
        "rate": median([turn["open"]["answered"] / turn["open"]["seconds"] for turn in turns]),
    }
    for name in ("errors", "lost", "duplicates"):
        figures[name] = sum(turn[part][name] for turn in turns for part in ("closed", "open"))
    for name in ("p50", "p99"):
        took = [turn["open"]["latency"][name] for turn in turns]
        figures[name] = median(took)
        if direct:
            base = [turn["open"]["latency"]["p50"] for turn in direct]
            # A contender that failed in one round has fewer turns than there are rounds.
            added = [one - other for one, other in zip(took, base, strict=False)]
            figures[f"added_{name}"] = max(0.0, median(added))
    return figures


def limited_by(figures: Figures, ceiling: float | None, cores: int) -> str:
    """What kept a closed run from being faster.

    Args:
        figures: of a contender.
        ceiling: commands a second without a router; None when that was not measured.
        cores: of the machine.
    """
    busy, throughput = figures.get("router_busy") or 0.0, figures.get("throughput") or 0.0
    if busy >= BUSY:
        return "the router"
    if ceiling and throughput >= CEILING * ceiling:
        return "the clients and the broker"
    full = (figures.get("machine_busy") or 0.0) >= BUSY * cores
    what = "the machine" if full else "waiting for the broker"
    return f"{what}, its router idle for {1 - busy:.0%}"


def ratios(figures: Mapping[str, Figures]) -> Figures:
    """What flrouter did, over what each other contender did, by `figure/contender`."""
    found: Figures = {}
    for other, theirs in figures.items():
        if other in (OURS, OURS_EXACTLY_ONCE, DIRECT):
            continue
        ours = figures.get(OURS_EXACTLY_ONCE if other == STREAMS_EXACTLY_ONCE else OURS, {})
        for name in COMPARED:
            found[f"{name}/{other}"] = ratio(ours.get(name), theirs.get(name))
    return found


def latencies(
    took: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]],
) -> dict[str, dict[str, dict[str, float]]]:
    """Latency (s) at the same rates for all: contender → rate → medians of p50 and p99."""
    return {
        name: {
            rate: {part: median([turn[part] for turn in turns]) for part in ("p50", "p99")}
            for rate, turns in rates.items()
        }
        for name, rates in took.items()
    }


def added(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figures:
    """What flrouter adds at each rate, over what the better of the loops adds: `p50/rate`."""
    figures: Figures = {}
    for rate, base in found.get(DIRECT, {}).items():
        for part in ("p50", "p99"):
            over = {
                name: rates[rate][part] - base["p50"]
                for name, rates in found.items()
                if name in (OURS, *LOOPS) and rate in rates
            }
            loops = [over[name] for name in LOOPS if name in over]
            if OURS in over and loops:
                figures[f"added_{part}_at/{rate}"] = ratio(over[OURS], min(loops))
    return figures
