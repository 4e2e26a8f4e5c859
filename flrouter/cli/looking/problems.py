"""What is wrong with a router, worst first: one rule for each thing that can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flrouter.cli.looking.overview import Overview
from flrouter.cli.output import ago, moment, ranges

#: records that a worker may have to read; a busy one always has some.
MAX_LAG_RECORDS = 10_000


def problems(seen: Overview) -> list[str]:
    """A line for each thing that is wrong; none when all is well."""
    return [line for rule in RULES for line in rule(seen)]


def _silent_workers(seen: Overview) -> Iterator[str]:
    for row in seen.workers:
        if not row["answering"]:
            yield f"worker {row['url']}: it does not answer"


def _idle_workers(seen: Overview) -> Iterator[str]:
    for row in seen.workers:
        if row["answering"] and not row["ready"]:
            yield f"worker {row['url']}: {row['reason']}"


def _untold_shards(seen: Overview) -> Iterator[str]:
    if seen.silence.shards:
        yield f"shards {ranges(seen.silence.shards)} unavailable: the numbers above lack theirs"


def _outages(seen: Overview) -> Iterator[str]:
    for row in seen.floodlights:
        if row["state"] == "outage" and not row["heard"]:
            yield f"floodlight {row['id']}: never heard of: is it running, and on this broker?"
        elif row["state"] == "outage":
            yield f"floodlight {row['id']}: has been down for {ago(row['since'])}"


def _failed_syncs(seen: Overview) -> Iterator[str]:
    for row in seen.floodlights:
        sync = row["sync"]
        if row["state"] != "outage" and sync and sync["ended"] and not sync["succeeded"]:
            yield f"floodlight {row['id']}: its last sync failed at {moment(sync['ended'])}"


def _full_shards(seen: Overview) -> Iterator[str]:
    for row in seen.workers:
        if row["held_back"]:
            places = ", ".join(row["held_back"])
            yield f"worker {row['url']}: shards are full: commands wait in Kafka, in {places}"


def _warnings(seen: Overview) -> Iterator[str]:
    """Several workers may say the same."""
    yield from dict.fromkeys(text for row in seen.workers for text in row["warnings"])


def _behind(seen: Overview) -> Iterator[str]:
    for row in seen.workers:
        if row["lag"] > MAX_LAG_RECORDS:
            yield f"worker {row['url']}: {row['lag']} records behind"


def _no_floodlight(seen: Overview) -> Iterator[str]:
    if not seen.floodlights and not seen.silence:
        yield "no floodlight is known: `flrouter floodlight add` makes one known"


RULES: tuple[Callable[[Overview], Iterator[str]], ...] = (
    _silent_workers,
    _idle_workers,
    _untold_shards,
    _no_floodlight,
    _warnings,
    _outages,
    _failed_syncs,
    _full_shards,
    _behind,
)
