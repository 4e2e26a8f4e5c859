"""FLs, as the shards of this worker know them."""

from __future__ import annotations

from collections import Counter

from flrouter.core.values.events import FL
from flrouter.core.values.records import Floodlight as FloodlightRow
from flrouter.telemetry.ended import BOUNDS
from flrouter.telemetry.histogram import Histogram
from flrouter.web.calls.call import Site
from flrouter.web.calls.shapes import Floodlight, FloodlightState, Latency


async def heard_of(site: Site) -> dict[str, Floodlight]:
    """Each FL that these shards have ever heard of, by id."""
    shards = list(site.app.shards.owned())
    tally = await site.tally.fresh()
    newest: dict[str, FloodlightRow] = {}
    pending = sum((shard.requests.by_floodlight for shard in shards), Counter[str]())
    for shard in shards:
        for name, state in shard.context.floodlights.items():
            if state.number and (name not in newest or newest[name].number < state.number):
                newest[name] = state
    syncs = {status.floodlight: status for shard in shards for status in shard.syncs.status()}
    counts: dict[str, dict[str, int]] = {name: {} for name in newest}
    for (event, label), count in site.app.shards.counts.items():
        if event.label == FL and label in counts:
            counts[label][event] = count
    return {
        name: Floodlight(
            name,
            *_condition(site, state),
            state.drained,
            state.acks,
            state.region,
            state.weight,
            state.number,
            state.synced,
            tally.speaks[name],
            tally.holds[name],
            pending[name],
            counts[name],
            _latency(site, name),
            syncs.get(name),
            state.heard,
        )
        for name, state in newest.items()
    }


def _condition(site: Site, state: FloodlightRow) -> tuple[FloodlightState, int]:
    """The state of an FL, and since when. Unknown where no broker can be reached."""
    lost_since = site.app.contact.lost_since
    if lost_since and state.condition in ("up", "drained"):
        return "unknown", lost_since
    return state.condition, state.since


def _latency(site: Site, floodlight: str) -> Latency:
    histogram = site.app.shards.ended.latencies.get(floodlight) or Histogram(BOUNDS)
    return Latency(
        list(histogram.counts), [bound / 1000 for bound in BOUNDS], histogram.total / 1000
    )


def newest(rows: list[Floodlight]) -> Floodlight:
    """An FL as several workers know it: the newest state, and the sums of what they count.

    Of the same state, a worker that reaches the brokers knows it better.
    """
    best = max(rows, key=lambda row: (row.number, row.state != "unknown"))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.counts)
    by_bucket = zip(*(row.latency.counts for row in rows), strict=False)
    best.latency.counts = [sum(counts_of_bucket) for counts_of_bucket in by_bucket]
    best.latency.total = sum(row.latency.total for row in rows)
    best.switches = sum(row.switches for row in rows)
    best.holds = sum(row.holds for row in rows)
    best.pending = sum(row.pending for row in rows)
    best.counts = dict(counts)
    best.sync = next((row.sync for row in rows if row.sync is not None), None)
    return best
