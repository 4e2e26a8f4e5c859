"""A snapshot: the whole router at one moment, for the dashboard.

Each worker makes a part from its own shards, at most once a second for all who ask. A worker with
viewers asks the others for their parts and merges them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from time import monotonic

import msgspec

from flrouter.clock import now_ms
from flrouter.core.values.events import Event
from flrouter.telemetry.feed import MAX_HAPPENINGS, OUTAGE, FeedItem
from flrouter.web.api.reading import floodlights, workload
from flrouter.web.calls.call import Site
from flrouter.web.calls.queries import Query
from flrouter.web.calls.shapes import Floodlight, ShardRow, Worker

#: where workers ask each other for their parts.
PATH = "/dashboard/snapshot"
#: s; how long a worker's part is used again.
PART_LIFE_S = 0.9
#: events that also happen while all is well: one line, which names so many FLs.
ROUTINE = "syncs"
MAX_NAMED = 3
#: shards that are shown one by one.
MAX_SHARDS = 1_000


class Entry(msgspec.Struct):
    """A line of the feed."""

    worker: str
    happening: FeedItem
    #: wrong, and not over yet.
    lasts: bool = False


class Snapshot(msgspec.Struct):
    """The router, or one worker's part of it."""

    #: ms since the epoch.
    at: int
    #: the worker that made it.
    worker: str
    floodlights: list[Floodlight]
    workers: list[Worker]
    shards: list[ShardRow]
    #: what is wrong and not over, then the rest, each newest first; last all routine, as one.
    feed: list[Entry]
    #: how many shards there are.
    partitions: int
    #: how requests ended since the workers started: "answered", or the type of an error.
    ended: dict[str, int]
    dead_letters: int
    #: shards of which no worker said anything.
    missing_shards: list[int] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


class Snapshots:
    """Makes the snapshots of one worker."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._making = asyncio.Lock()
        self._part = b""
        self._until = 0.0

    async def part(self) -> bytes:
        """This worker's own part, encoded."""
        async with self._making:
            if monotonic() >= self._until:
                self._part = _encode(await self._make())
                self._until = monotonic() + PART_LIFE_S
        return self._part

    async def whole(self) -> bytes:
        """The parts of all workers as one, encoded."""
        workers = self._site.workers
        own, (others, missing) = await asyncio.gather(
            self.part(), workers.ask(PATH, Query(), Snapshot)
        )
        shards = workers.shards()
        absent = [Worker(url, shards.get(url, []), answering=False) for url in missing]
        return _encode(merged([_decode(own), *others], absent))

    async def _make(self) -> Snapshot:
        site, shards = self._site, self._site.app.shards
        own = site.workers.own
        heard = await floodlights.heard_of(site)
        return Snapshot(
            now_ms(),
            own,
            list(heard.values()),
            [workload.this_worker(site)],
            list(workload.shards(site).values()),
            [Entry(own, happening) for happening in shards.happenings.last()],
            site.app.settings.partitions,
            dict(shards.ended.outcomes()),
            sum(n for (event, _), n in shards.counts.items() if event == Event.DEAD_LETTERS),
        )


def merged(parts: list[Snapshot], absent: list[Worker]) -> Snapshot:
    """One snapshot of several parts, that of the asked worker first, and of workers without one."""
    first = parts[0]
    rows: dict[str, list[Floodlight]] = {}
    ended: Counter[str] = Counter()
    for part in parts:
        ended.update(part.ended)
        for floodlight in part.floodlights:
            rows.setdefault(floodlight.id, []).append(floodlight)
    shards = {row.shard: row for part in parts for row in part.shards}
    workers = [worker for part in parts for worker in part.workers] + absent
    newest_rows = {name: floodlights.newest(rows[name]) for name in sorted(rows)}
    return Snapshot(
        first.at,
        first.worker,
        [row for row in newest_rows.values() if row.state != "removed"],
        sorted(workers, key=lambda worker: worker.url),
        [shards[number] for number in sorted(shards)][:MAX_SHARDS],
        _in_order([entry for part in parts for entry in part.feed], newest_rows),
        first.partitions,
        dict(ended),
        sum(part.dead_letters for part in parts),
        sorted(set(range(first.partitions)) - shards.keys()),
    )


def _in_order(feed: list[Entry], floodlights: Mapping[str, Floodlight]) -> list[Entry]:
    """The feed of a :class:`Snapshot`, with as many of every kind as one worker keeps.

    Sorted by `began`, which never changes: a line on a page only moves when it is over.
    """
    kept: Counter[str] = Counter()
    lasting: dict[tuple[str, str], Entry] = {}
    over: list[Entry] = []
    routine: list[FeedItem] = []
    for entry in sorted(feed, key=lambda entry: entry.happening.began, reverse=True):
        kind = entry.happening.kind
        if kind == ROUTINE:
            routine.append(entry.happening)
            continue
        kept[kind] += 1
        if kept[kind] > MAX_HAPPENINGS:
            continue
        outage = OUTAGE.match(entry.happening.about)
        name = outage[1] if outage else entry.happening.about
        # Only the newest of a kind can last: the ones before were over by then.
        if _lasts(kind, floodlights.get(name)) and (kind, name) not in lasting:
            lasting[kind, name] = Entry(entry.worker, entry.happening, lasts=True)
        else:
            over.append(entry)
    return [*lasting.values(), *over, *([_folded(routine)] if routine else [])]


def _lasts(kind: str, floodlight: Floodlight | None) -> bool:
    """Whether this event of an FL is not over."""
    if floodlight is None:
        return False
    if kind == "syncs_failed":
        sync = floodlight.sync
        return sync is not None and bool(sync.ended) and not sync.succeeded
    return kind in ("outage", "unmanaged") and floodlight.state == "outage"


def _folded(routine: list[FeedItem]) -> Entry:
    """All routine as one happening; the newest comes first in `routine`."""
    names = sorted({happening.about for happening in routine})
    about = ", ".join(names) if len(names) <= MAX_NAMED else f"{len(names)} floodlights"
    count = sum(happening.count for happening in routine)
    return Entry("", FeedItem(0, routine[0].began, routine[0].at, ROUTINE, about, count))
