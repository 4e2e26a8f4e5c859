"""What is wrong with a router, worst first."""

from __future__ import annotations

from flrouter.cli.looking.overview import Overview
from flrouter.cli.output import ago, moment, ranges
from flrouter.cli.router import Row

#: lag that is no problem yet: a busy worker always has some records to read.
MAX_LAG_RECORDS = 10_000


def problems(seen: Overview) -> list[str]:
    """A line for each thing that is wrong; none when all is well."""
    shards = seen.silence.shards
    answering = [row for row in seen.workers if row["answering"]]
    in_outage = [row for row in seen.floodlights if row["state"] == "outage"]
    untold = f"shards {ranges(shards)} unavailable: the numbers above lack theirs"
    nobody = "no floodlight is known: `flrouter floodlight add` makes one known"
    return [
        *(_worker(row, "it does not answer") for row in seen.workers if not row["answering"]),
        *(_worker(row, row["reason"]) for row in answering if not row["ready"]),
        *([untold] if shards else []),
        *([nobody] if not seen.floodlights and not seen.silence else []),
        # Several workers may give the same warning.
        *dict.fromkeys(text for row in seen.workers for text in row["warnings"]),
        *map(_outage, in_outage),
        *(
            f"floodlight {row['id']}: its last sync failed at {moment(row['sync']['ended'])}"
            for row in seen.floodlights
            if row["state"] != "outage" and _failed(row["sync"])
        ),
        *(
            _worker(row, f"shards are full: commands wait in Kafka, in {', '.join(waiting)}")
            for row in seen.workers
            if (waiting := row["held_back"])
        ),
        *(
            _worker(row, f"{row['lag']} records behind")
            for row in seen.workers
            if row["lag"] > MAX_LAG_RECORDS
        ),
    ]


def _worker(row: Row, problem: str) -> str:
    return f"worker {row['url']}: {problem}"


def _outage(row: Row) -> str:
    if not row["heard"]:
        return f"floodlight {row['id']}: never heard of: is it running, and on this broker?"
    return f"floodlight {row['id']}: has been down for {ago(row['since'])}"


def _failed(sync: Row | None) -> bool:
    return bool(sync and sync["ended"] and not sync["succeeded"])
