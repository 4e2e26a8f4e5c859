"""The recorder: at the end of each step it notes what this worker's shards did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import repeat

from aiohttp import web

from flrouter.clock import now_ms
from flrouter.core.values.events import Event
from flrouter.faust_side.app import RouterApp
from flrouter.telemetry.ended import BOUNDS
from flrouter.web.series.ring import STEP_MS, STEPS, Ring

#: FLs that have series of their own. 101 rings of 360 rows of 20 numbers of 4 bytes are 2.9 MB.
MAX_FLOODLIGHTS = 100
#: the series of all FLs together, and of what concerns no FL.
ALL = ""
#: the columns of a row; the buckets of the answer times follow.
COLUMNS = ("commands", "answered", "failed", "pending", "lag", "outages")
_WIDTH = len(COLUMNS) + len(BOUNDS) + 1
#: commands, answered, failed, and the buckets, which all only grow while a worker runs.
_NOTHING = [0] * (3 + len(BOUNDS) + 1)


class Recorder:
    """Keeps a ring for each FL, and one for all together."""

    def __init__(self, app: RouterApp) -> None:
        self._app = app
        self._rings = {ALL: Ring(_WIDTH)}
        self._step: int | None = None
        #: FL → its counts at the end of that step.
        self._counted: dict[str, list[int]] = {}
        self._outages: Counter[str] = Counter()

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Record while the web server runs (one of its `cleanup_ctx`)."""
        recording = asyncio.create_task(self._record())
        yield
        recording.cancel()

    async def _record(self) -> None:
        while True:
            await asyncio.sleep((STEP_MS - now_ms() % STEP_MS) / 1000)
            self.take(now_ms())

    def take(self, now: int) -> None:
        """Note the last step that ended before `now` (ms since the epoch).

        If the worker stood still over several steps, the counts belong to none of them.
        """
        step = now // STEP_MS - 1
        follows = self._step == step - 1
        before, self._step, self._counted = self._counted, step, self._count()
        known = self._known()
        pending, lag, outages = self._pending(), self._lag(), self._in_outage(known)
        if not follows:
            return
        for name in {ALL, *self._rings, *known}:
            ring = self._ring(name, known)
            if ring is not None:
                old, new = before.get(name, _NOTHING), self._counted.get(name, _NOTHING)
                grown = [after - earlier for after, earlier in zip(new, old, strict=True)]
                ring.put(step, [*grown[:3], pending[name], lag[name], outages[name], *grown[3:]])

    def rows(self, name: str, last: int) -> list[Sequence[int] | None]:
        """The rows of an FL, or of :data:`ALL`, up to step `last`, oldest first."""
        ring = self._rings.get(name)
        if ring is None:
            return list(repeat(None, STEPS))
        return [ring.get(step) for step in range(last - STEPS + 1, last + 1)]

    def _ring(self, name: str, known: set[str]) -> Ring | None:
        """The ring of an FL; a new one may take the place of an FL that is not known any more."""
        if name in self._rings:
            return self._rings[name]
        if len(self._rings) > MAX_FLOODLIGHTS:
            unknown = (other for other in self._rings if other != ALL and other not in known)
            if (oldest := next(unknown, None)) is None:
                return None
            del self._rings[oldest]
        ring = self._rings[name] = Ring(_WIDTH)
        return ring

    def _known(self) -> set[str]:
        contexts = [shard.context for shard in self._app.shards.owned()]
        return {name for context in contexts for name in context.known_floodlights()}

    def _count(self) -> dict[str, list[int]]:
        shards = self._app.shards
        counted: dict[str, list[int]] = {ALL: list(_NOTHING)}

        def add(name: str, column: int, count: int) -> None:
            for label in {name, ALL}:
                counted.setdefault(label, list(_NOTHING))[column] += count

        for (event, name), count in shards.counts.items():
            if event == Event.COMMANDS:
                add(name, 0, count)
        add(ALL, 1, shards.ended.others[""])
        for name, count in shards.ended.failed.items():
            add(name, 2, count)
        for name, histogram in shards.ended.latencies.items():
            add(name, 1, sum(histogram.counts))
            for bucket, count in enumerate(histogram.counts):
                add(name, 3 + bucket, count)
        return counted

    def _pending(self) -> Counter[str]:
        owned = self._app.shards.owned()
        pending = sum((shard.requests.by_floodlight for shard in owned), Counter[str]())
        pending[ALL] = pending.total()
        return pending

    def _lag(self) -> Counter[str]:
        """Unread records, in the topics of each FL and in all topics."""
        by_topic: Counter[str] = Counter()
        for at, records in self._app.shards.lag().items():
            by_topic[at.topic] += records
        lag = Counter({ALL: by_topic.total()})
        for topic, records in by_topic.items():
            writer = self._app.settings.fl_topics.writer_of(topic)
            if writer:
                lag[writer] += records
        return lag

    def _in_outage(self, known: set[str]) -> Counter[str]:
        """1 for each FL with its home here that is in outage, or was since the last step."""
        counts = self._app.shards.counts
        before = self._outages
        self._outages = Counter({name: counts[Event.OUTAGES, name] for name in known})
        down: Counter[str] = Counter()
        for shard in self._app.shards.owned():
            for name, state in shard.context.floodlights.items():
                if shard.context.home(name) == shard.context.number:
                    again = self._outages[name] > before[name]
                    down[name] = int(state.condition == "outage" or again)
        down[ALL] = down.total()
        return down
