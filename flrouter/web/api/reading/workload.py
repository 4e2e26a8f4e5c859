"""The load of shards and of this worker."""

from __future__ import annotations

import time

from flrouter import __version__
from flrouter.core.values.home import shard_of
from flrouter.web.calls.call import Site
from flrouter.web.calls.health import not_ready
from flrouter.web.calls.shapes import ShardRow, Worker

#: ms since the epoch.
_STARTED = round(time.time() * 1000)


def shards(site: Site) -> dict[str, ShardRow]:
    """This worker's shards, by number as text of four digits."""
    own = site.app.shards
    lag: dict[int, int] = {}
    for at, records in own.lag().items():
        number = shard_of(at.number, site.app.settings.partitions)
        lag[number] = lag.get(number, 0) + records
    full = {shard_of(at.number, site.app.settings.partitions) for at in own.backpressure.held_back}
    return {
        f"{number:04}": ShardRow(
            number,
            site.workers.own,
            len(shard.context.switches),
            len(shard.context.pending),
            len(shard.context.blacklist),
            len(shard.context.gathers),
            own.ownership.runners[number].waiting,
            number in full,
            lag.get(number, 0),
        )
        for shard in own.owned()
        for number in (shard.context.number,)
    }


def this_worker(site: Site) -> Worker:
    """This worker."""
    own, reason = site.app.shards, not_ready(site.app)
    return Worker(
        site.workers.own,
        sorted(own.by_number),
        answering=True,
        ready=not reason,
        reason=reason,
        version=__version__,
        started=_STARTED,
        lag=sum(own.lag().values()),
        held_back=sorted(map(str, own.backpressure.held_back)),
        warnings=site.app.warnings(),
    )
