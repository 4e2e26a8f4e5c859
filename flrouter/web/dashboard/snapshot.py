"""A snapshot: the whole router at one moment, as the dashboard shows it.

Each worker makes a part of its own shards, at most once a second however many ask for it; whoever
has viewers asks all others for theirs and puts them together.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from time import monotonic

import msgspec

from flrouter.telemetry.feed import MAX_HAPPENINGS, OUTAGE, Happening
from flrouter.web.api.reading import floodlights, workload
from flrouter.web.api.reading.merging import newest
from flrouter.web.calls.call import Site
from flrouter.web.calls.queries import Query
from flrouter.web.calls.shapes import Floodlight, ShardRow, Worker

#: where workers ask each other for their parts.
PATH = "/dashboard/snapshot"
#: s; how old a worker's part may be when it is told again.
FRESH_S = 0.9
#: what happens all the time where all is well: told in one line, which names so many FLs.
ROUTINE = "syncs"
MAX_NAMED = 3
#: shards that are told one by one.
MAX_SHARDS = 1_000


class Told(msgspec.Struct):
    """What happened, and at which worker."""

    worker: str
    happening: Happening
    #: whether it is wrong, and not over yet.
    lasts: bool = False


class Snapshot(msgspec.Struct):
    """The router, or one worker's part of it."""

    #: ms since the epoch.
    at: int
    #: who put it together.
    worker: str
    floodlights: list[Floodlight]
    workers: list[Worker]
    shards: list[ShardRow]
    #: what is wrong and not over, then all else, each newest first; last what is routine, as one.
    feed: list[Told]
    #: how many shards there are.
    partitions: int
    #: how requests ended since the workers started: "answered", or the type of an error.
    ended: dict[str, int]
    dead_letters: int
    #: the shards that nobody told of.
    missing_shards: list[int] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


class Snapshots:
    """Makes them for one worker."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._making = asyncio.Lock()
        self._part = b""
        self._until = 0.0

    async def part(self) -> bytes:
        """This worker's own, encoded."""
        async with self._making:
            if monotonic() >= self._until:
                self._part = _encode(await self._make())
                self._until = monotonic() + FRESH_S
        return self._part

    async def whole(self) -> bytes:
        """That of all workers, encoded."""
        workers = self._site.workers
        own, (others, missing) = await asyncio.gather(
            self.part(), workers.ask(PATH, Query(), Snapshot)
        )
        dealt = workers.shards()
        absent = [Worker(url, dealt.get(url, []), answering=False) for url in missing]
        return _encode(merged([_decode(own), *others], absent))

    async def _make(self) -> Snapshot:
        site = self._site
        shards = site.app.shards
        ended = {kind or "answered": count for kind, count in shards.ended.others.items()}
        answered = sum(sum(histogram.counts) for histogram in shards.ended.latencies.values())
        ended["answered"] = ended.get("answered", 0) + answered
        own = site.workers.own
        heard = await floodlights.heard_of(site)
        dead = [count for (event, _), count in shards.counts.items() if event == "dead_letters"]
        return Snapshot(
            round(time.time() * 1000),
            own,
            list(heard.values()),
            [workload.this_worker(site)],
            list(workload.shards(site).values()),
            [Told(own, happening) for happening in shards.happenings.last()],
            site.app.settings.partitions,
            ended,
            sum(dead),
        )


def merged(parts: list[Snapshot], absent: list[Worker]) -> Snapshot:
    """One snapshot of several workers' parts, the asked one's first, and of workers without one."""
    whole = parts[0]
    rows: dict[str, list[Floodlight]] = {}
    shards: dict[int, ShardRow] = {}
    ended: dict[str, int] = {}
    feed: list[Told] = []
    for part in parts:
        for floodlight in part.floodlights:
            rows.setdefault(floodlight.id, []).append(floodlight)
        shards |= {row.shard: row for row in part.shards}
        feed += part.feed
        for kind, count in part.ended.items():
            ended[kind] = ended.get(kind, 0) + count
    newest_rows = [newest(rows[name]) for name in sorted(rows)]
    workers = [worker for part in parts for worker in part.workers] + absent
    return Snapshot(
        whole.at,
        whole.worker,
        [row for row in newest_rows if row.state != "removed"],
        sorted(workers, key=lambda worker: worker.url),
        [shards[number] for number in sorted(shards)][:MAX_SHARDS],
        _in_order(feed, {row.id: row for row in newest_rows}),
        whole.partitions,
        ended,
        sum(part.dead_letters for part in parts),
        sorted(set(range(whole.partitions)) - shards.keys()),
    )


def _in_order(feed: list[Told], floodlights: Mapping[str, Floodlight]) -> list[Told]:
    """As :class:`Snapshot` has it, of every kind as many as one worker keeps.

    By when they began: that stays, so what is on a page already changes its place only when it is
    over.
    """
    kept: Counter[str] = Counter()
    lasting: dict[tuple[str, str], Told] = {}
    over: list[Told] = []
    routine: list[Happening] = []
    for told in sorted(feed, key=lambda told: told.happening.began, reverse=True):
        kind = told.happening.kind
        if kind == ROUTINE:
            routine.append(told.happening)
            continue
        kept[kind] += 1
        if kept[kind] > MAX_HAPPENINGS:
            continue
        name = _whose(told.happening)
        # Only the newest of a kind can last: what came before it was over by then.
        if _lasts(kind, floodlights.get(name)) and (kind, name) not in lasting:
            lasting[kind, name] = Told(told.worker, told.happening, lasts=True)
        else:
            over.append(told)
    return [*lasting.values(), *over, *([_folded(routine)] if routine else [])]


def _whose(happening: Happening) -> str:
    """The FL that it is about, or whatever else."""
    outage = OUTAGE.match(happening.about)
    return outage[1] if outage else happening.about


def _lasts(kind: str, floodlight: Floodlight | None) -> bool:
    """Whether such a thing that happened to an FL is wrong now."""
    if floodlight is None:
        return False
    if kind == "syncs_failed":
        sync = floodlight.sync
        return sync is not None and bool(sync.ended) and not sync.succeeded
    return kind in ("outage", "unmanaged") and floodlight.state == "outage"


def _folded(routine: list[Happening]) -> Told:
    """All of it, as of the newest, which is the first."""
    names = sorted({happening.about for happening in routine})
    about = ", ".join(names) if len(names) <= MAX_NAMED else f"{len(names)} floodlights"
    count = sum(happening.count for happening in routine)
    return Told("", Happening(0, routine[0].began, routine[0].at, ROUTINE, about, count))
