"""How many switches each FL has, which only a scan of all switches shows."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import chain
from operator import attrgetter
from time import monotonic

from flrouter.faust_side.app import RouterApp
from flrouter.web.calls.scans import in_turns

#: s; how long a count is used at least.
COUNT_LIFE_S = 1.0
#: a count is used this many times as long as it took: counting takes a 200th of the time at most.
LIFE_FACTOR = 200

_active, _holders = attrgetter("active"), attrgetter("holders")


class Tally:
    """Counts this worker's switches when somebody asks and the last count is too old."""

    def __init__(self, app: RouterApp) -> None:
        self._app = app
        self._counting = asyncio.Lock()
        self._fresh_until = 0.0
        self._term = -1
        #: FL → the switches that it is active for, and those that it is connected to.
        self.speaks: Counter[str] = Counter()
        self.holds: Counter[str] = Counter()

    async def fresh(self) -> Tally:
        """Itself, with a count that is not too old."""
        async with self._counting:
            term, began = self._app.shards.ownership.term, monotonic()
            if began > self._fresh_until or term != self._term:
                await self._count()
                now = monotonic()
                self._term = term
                self._fresh_until = now + max(COUNT_LIFE_S, LIFE_FACTOR * (now - began))
        return self

    async def _count(self) -> None:
        speaks: Counter[str] = Counter()
        holds: Counter[str] = Counter()
        for shard in list(self._app.shards.owned()):
            for switches in in_turns(list(shard.context.switches.values())):
                speaks.update(map(_active, switches))
                holds.update(chain.from_iterable(map(_holders, switches)))
                await asyncio.sleep(0)
        del speaks[""]
        self.speaks, self.holds = speaks, holds
