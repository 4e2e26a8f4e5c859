"""How soon a request is found among ten million, and how large they are.

    python -m benchmarks.history --count 10000000 --database /var/tmp/history
    python -m benchmarks.history --count 10000000 --database postgresql

It fills a database that is empty as a history worker does, then asks each of three questions a
hundred times; each must be answered within `MARK_MS` at the 95th percentile. `postgresql` starts a
server of its own, an address takes one that runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.progress import Progress
from flrouter.core.values.effects import End
from flrouter.history.opening import open_store
from flrouter.history.record import FORMAT, SEQUENCE_BITS, Batch
from flrouter.history.search import Search
from flrouter.history.store import Store
from flrouter.settings.model import Settings

RESULT = Path(__file__).parent / "results" / "history.json"
#: ms; within which each search must be answered at the 95th percentile.
MARK_MS = 100.0
#: the network whose requests these are.
SWITCHES, FLOODLIGHTS, SHARDS = 10_000, 64, 8
#: days over which they are spread; of how many one fails.
DAYS, FAILS = 7, 50
DAY_MS = 86_400_000
#: requests of a record, and records of an insert.
BATCH, BATCHES = 200, 50
#: how often each question is asked, each time of another request.
ASKED = 100
#: ms; the time of a search by switch: a day.
SPAN_MS = DAY_MS
#: characters of a part of a correlation id.
PART = 8
KINDS = ("InstallIngressFlow", "InstallTransitFlow", "RemoveFlow", "DumpRulesRequest")
ERRORS = (
    "NOT_FOUND: floodlight fl-7 did not acknowledge the command",
    "OPERATION_TIMED_OUT: floodlight fl-7 did not answer in time",
    "INTERNAL_ERROR: floodlight fl-7 has 75000 commands to answer",
)


def switch_id(number: int) -> str:
    """The id of a switch."""
    return f"{number + 1:016x}"[:2] + "".join(
        f":{f'{number + 1:016x}'[at : at + 2]}" for at in range(2, 16, 2)
    )


def requests(count: int, day: int, begin: int) -> Iterator[End]:
    """The requests of a day, in the order of time.

    Args:
        count: of all days.
        day: which of the days, from 0.
        begin: ms since the epoch, of the first day.
    """
    chance = random.Random(day)
    ids = [switch_id(number) for number in range(SWITCHES)]
    here = count // DAYS
    for number in range(here):
        ended = begin + day * DAY_MS + number * DAY_MS // here
        switch = chance.randrange(SWITCHES)
        correlation_id = f"{chance.getrandbits(128):032x}"
        took = chance.randrange(4, 40)
        place = day * here + number
        yield End(
            f"9ab1c22f.{switch % SHARDS}.{place}",
            "-".join(correlation_id[at:to] for at, to in _UUID),
            f"kilda.speaker/{switch % SHARDS}/{place}",
            ids[switch],
            f"fl-{switch % FLOODLIGHTS}",
            "kilda.flow",
            ended - took,
            ended,
            ERRORS[number % len(ERRORS)] if chance.randrange(FAILS) == 0 else "",
            KINDS[number % len(KINDS)],
            ended - took,
            ended - took // 2,
        )


_UUID = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def fill(database: str, count: int, day: int, begin: int) -> None:
    """Insert the requests of a day."""
    store = open_store(Settings(history_database=database))
    some: list[End] = []
    batches: list[Batch] = []
    for end in requests(count, day, begin):
        some.append(end)
        if len(some) == BATCH:
            batches.append(_batch(some))
            some = []
        if len(batches) == BATCHES:
            store.insert(batches)
            batches = []
    if some:
        batches.append(_batch(some))
    store.insert(batches)
    store.close()


def _batch(ends: list[End]) -> Batch:
    behind = (ends[0].ended << SEQUENCE_BITS) - 1
    return Batch(FORMAT, "http://worker-1:6066", 0, behind, ends[-1].ended + 2, ends)


def searches(count: int, begin: int) -> dict[str, list[Search]]:
    """What is asked: each time about another request that is there."""
    chance = random.Random("searches")
    found: dict[str, list[Search]] = {"switch and time": [], "FL and error": [], "part of id": []}
    every = max(count // DAYS // (ASKED // DAYS + 1), 1)
    for day in range(DAYS):
        for number, end in enumerate(requests(count, day, begin)):
            if number % every == every // 2 and len(found["part of id"]) < ASKED:
                since = end.ended - chance.randrange(SPAN_MS)
                at = chance.randrange(len(end.correlation_id) - PART)
                error = chance.choice(ERRORS).partition(":")[0]
                asked = (
                    Search(switch=end.switch, since=since, until=since + SPAN_MS),
                    Search(floodlight=end.floodlight, error=error, until=end.ended + 1),
                    Search(correlation_id=end.correlation_id[at : at + PART]),
                )
                for name, search in zip(found, asked, strict=True):
                    found[name].append(search)
    return found


def ask(store: Store, asked: list[Search]) -> dict[str, float]:
    """How long they take, in ms, and how many rows they give."""
    took, rows = [], 0
    for search in asked:
        began = time.perf_counter()
        some = store.search(search).items
        took.append((time.perf_counter() - began) * 1_000)
        if not (some or search.error):
            raise LookupError(f"the request that {search} is about was not found")
        rows += len(some)
    took.sort()
    return {
        "p50_ms": took[len(took) // 2],
        "p95_ms": took[len(took) * 95 // 100],
        "max_ms": took[-1],
        "rows": rows / len(asked),
    }


def measure(
    database: str, count: int, processes: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Fill the database and ask it."""
    begin = (int(time.time() * 1_000) // DAY_MS - DAYS) * DAY_MS
    began = time.monotonic()
    with get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for _ in pool.starmap(fill, [(database, count, day, begin) for day in range(DAYS)], 1):
            pass
    seconds = time.monotonic() - began
    say(f"{count:,} requests inserted in {seconds:.0f} s by {processes} processes")
    asked = searches(count, begin)
    store = open_store(Settings(history_database=database))
    size = store.extent().size_bytes
    say(f"{size / count:.0f} bytes per request")
    found = {}
    for name, some in asked.items():
        found[name] = ask(store, some)
        say(f"{name}: p50 {found[name]['p50_ms']:.1f} ms, p95 {found[name]['p95_ms']:.1f} ms")
    store.close()
    return {
        "count": count,
        "insert_s": round(seconds, 1),
        "processes": processes,
        "bytes_per_request": round(size / count, 1),
        "searches": {
            name: {figure: round(value, 2) for figure, value in each.items()}
            for name, each in found.items()
        },
    }


def main() -> int:
    """Measure one database; 1 when a search takes too long."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument(
        "--database", default="", help="a folder, postgresql, or its address; none: a new folder"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help=f"write the result to {RESULT.name}")
    given = parser.parse_args()
    progress = Progress()
    with ExitStack() as up:
        database = given.database
        if database == "postgresql":
            from tests.support import postgresql

            database = up.enter_context(
                postgresql.server(
                    shared_buffers="1GB",
                    maintenance_work_mem="256MB",
                    max_wal_size="8GB",
                    fsync="on",
                    full_page_writes="on",
                )
            )
        elif not database:
            database = up.enter_context(tempfile.TemporaryDirectory(prefix="flrouter-history-"))
        found = measure(database, given.count, given.processes, progress.say)
    kind = "postgresql" if database.startswith("postgresql:") else "sqlite"
    if given.keep:
        results = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
        results[kind] = {"python": platform.python_version(), "cpus": os.cpu_count(), **found}
        RESULT.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    slow = [name for name, each in found["searches"].items() if each["p95_ms"] > MARK_MS]
    for name in slow:
        progress.say(f"FAILED: {name} takes more than {MARK_MS:.0f} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
