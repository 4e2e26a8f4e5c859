"""How many switches each FL has, which only a look at all of them tells."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic

from flrouter.runtime.app import RouterApp
from flrouter.web.api.paging import in_turns

#: s; how old the numbers may be. Counting 100,000 switches takes some 20 ms of processor.
FRESH = 2.0


class Tally:
    """Counts this worker's switches anew when somebody asks and the last count is too old."""

    def __init__(self, app: RouterApp) -> None:
        self._app = app
        self._counting = asyncio.Lock()
        self._counted = -FRESH
        self._generation = -1
        #: FL → the switches that it speaks for, and those that it holds.
        self.speaks: Counter[str] = Counter()
        self.holds: Counter[str] = Counter()

    async def fresh(self) -> Tally:
        """Itself, with numbers that are not old."""
        async with self._counting:
            shards = self._app.shards
            if monotonic() - self._counted > FRESH or shards.generation != self._generation:
                self._generation = shards.generation
                await self._count()
                self._counted = monotonic()
        return self

    async def _count(self) -> None:
        speaks: Counter[str] = Counter()
        holds: Counter[str] = Counter()
        for shard in list(self._app.shards.owned()):
            for switches in in_turns(list(shard.context.switches.values())):
                speaks.update(switch.active for switch in switches)
                holds.update(name for switch in switches for name in switch.holders)
                await asyncio.sleep(0)
        del speaks[""]
        self.speaks, self.holds = speaks, holds
