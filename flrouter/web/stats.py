"""`/stats`: what this worker's shards hold and have counted, as JSON."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from flrouter.core.shard import Shard
from flrouter.faust_side.app import RouterApp
from flrouter.web.calls.answers import refused
from flrouter.web.calls.call import Refusal, Site
from flrouter.web.calls.turns import in_turns


def register(site: Site) -> None:
    """Give the site's app the page."""

    async def stats(view: Any, request: Any) -> Any:
        try:
            async with site.scans.turn():
                return view.json(await figures(site.app))
        except Refusal as refusal:
            return refused(refusal)

    site.app.page("/stats", name="stats")(stats)


async def figures(app: RouterApp) -> dict[str, Any]:
    """The page. Add up those of all workers for the whole router; an FL's newest state counts.

    `counts` (what happened → FL, topic or error type → how often) are this process's since it
    started; all else is of the shards that it owns now.
    """
    shards: list[Shard] = list(app.shards.owned())
    counts: dict[str, dict[str, int]] = {}
    for (event, label), count in app.shards.counts.items():
        counts.setdefault(event, {})[label] = count
    return {
        "app_id": app.settings.app_id,
        "shards": sorted(app.shards.numbers),
        "pending": sum(len(shard.context.pending) for shard in shards),
        "held_back": sorted(map(str, app.shards.backpressure.held_back)),
        "blacklist": sum(len(shard.context.blacklist) for shard in shards),
        "floodlights": await _floodlights(shards),
        "counts": counts,
    }


async def _floodlights(shards: list[Shard]) -> dict[str, dict[str, Any]]:
    """Each FL that these shards have heard of, and how many of their switches it speaks for."""
    speaks: Counter[str] = Counter()
    for shard in shards:
        for switches in in_turns(list(shard.context.switches.values())):
            speaks.update(switch.active for switch in switches)
            await asyncio.sleep(0)
    by_name: dict[str, dict[str, Any]] = {}
    for shard in shards:
        for name, state in shard.context.floodlights.items():
            if name not in by_name or by_name[name]["number"] < state.number:
                by_name[name] = {
                    "number": state.number,
                    "known": state.known,
                    "up": state.up,
                    "acks": state.acks,
                    "switches": speaks[name],
                }
    return by_name
