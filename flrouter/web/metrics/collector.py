"""The collector: reads what is counted when Prometheus asks, so counting costs nothing more."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flrouter import __version__
from flrouter.core.values.home import home
from flrouter.faust_side.app import RouterApp
from flrouter.telemetry.ended import BOUNDS
from flrouter.telemetry.histogram import Histogram
from flrouter.web.calls.counted import COUNTED, FLOODLIGHT
from flrouter.web.calls.health import not_ready
from flrouter.web.calls.tally import Tally

PREFIX = "flrouter_"
#: different values of one label; what comes later is told under OTHER.
MAX_LABELS = 100
OTHER = "other"


class Labels:
    """The values of one label, first come, first told: a counter keeps its label for good."""

    def __init__(self, most: int = MAX_LABELS) -> None:
        self._most = most
        self._told: set[str] = set()

    def shown(self, value: str) -> str:
        """Under which name to tell of `value`."""
        if value in self._told or len(self._told) < self._most:
            self._told.add(value)
            return value
        return OTHER


class RouterCollector(Collector):
    """This worker's metrics; those of all workers add up to the router's."""

    def __init__(self, app: RouterApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally
        self._labels: defaultdict[str, Labels] = defaultdict(Labels)

    def describe(self) -> Iterable[Metric]:
        """Nothing: there is only one collector of these names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now; each with the router's name, for there may be several."""
        router = {"app_id": self._app.settings.app_id}
        for family in self._families():
            family.samples = [
                sample._replace(labels=router | sample.labels) for sample in family.samples
            ]
            yield family

    def _families(self) -> Iterator[Metric]:
        yield InfoMetricFamily(f"{PREFIX}build", "The version.", {"version": __version__})
        yield from self._counts()
        yield from self._ends()
        yield from self._tables()
        yield from self._floodlights()
        yield from self._work()

    def _shown(self, label: str, value: str) -> str:
        return self._labels[label].shown(value)

    def _known(self, label: str) -> Iterator[str]:
        """What is told before it is counted: a series that begins with 1 shows no increase."""
        settings, floodlights = self._app.settings, sorted(self._app.membership.subscribed)
        if label == FLOODLIGHT:
            yield from floodlights
        elif label == "topic":
            yield from (*settings.inbound_topics, settings.shards_topic)
            for floodlight in floodlights:
                yield from settings.fl_topics.written_by(floodlight)

    def _counter(self, name: str, text: str, label: str, counts: Counter[str]) -> Metric:
        family = CounterMetricFamily(PREFIX + name, text, labels=[label] if label else [])
        shown: Counter[str] = Counter()
        for value in self._known(label):
            shown[self._shown(label, value)] = 0
        for value, count in counts.items():
            shown[self._shown(label, value) if label else ""] += count
        if not label:
            family.add_metric([], shown[""])
        for value in sorted(shown) if label else ():
            family.add_metric([value], shown[value])
        return family

    def _counts(self) -> Iterator[Metric]:
        by_what: dict[str, Counter[str]] = {event: Counter() for event in COUNTED}
        for (event, label), count in (self._app.shards.counts + self._app.history.counts).items():
            if event in by_what:
                by_what[event][label] += count
        for event, counted in COUNTED.items():
            yield self._counter(counted.metric, counted.text, counted.label, by_what[event])

    def _ends(self) -> Iterator[Metric]:
        ended = self._app.shards.ended
        outcomes = Counter({kind or "answered": n for kind, n in ended.others.items()})
        outcomes["answered"] += sum(sum(counted.counts) for counted in ended.latencies.values())
        yield self._counter(
            "requests_ended", "Requests that had their answer.", "outcome", outcomes
        )
        family = HistogramMetricFamily(
            f"{PREFIX}answer_duration_seconds",
            "From reading a command to the answer of its FL.",
            labels=[FLOODLIGHT],
        )
        merged: dict[str, Histogram] = {}
        for name, histogram in ended.latencies.items():
            into = merged.setdefault(self._shown(FLOODLIGHT, name), Histogram(BOUNDS))
            into.counts = [
                sum(counted) for counted in zip(into.counts, histogram.counts, strict=True)
            ]
            into.total += histogram.total
        for name, histogram in sorted(merged.items()):
            buckets = _cumulative(histogram, [bound / 1000 for bound in BOUNDS])
            family.add_metric([name], buckets, histogram.total / 1000)
        yield family
        batches = self._app.shards.batches
        family = HistogramMetricFamily(f"{PREFIX}batch_records", "Records decided at once.")
        family.add_metric([], _cumulative(batches, batches.bounds), batches.total)
        yield family

    def _tables(self) -> Iterator[Metric]:
        shards = list(self._app.shards.owned())
        pending: Counter[str] = Counter()
        for shard in shards:
            for name, count in shard.pending_by_floodlight().items():
                pending[self._shown(FLOODLIGHT, name) if name else ""] += count
        family = GaugeMetricFamily(
            f"{PREFIX}pending_requests",
            "Requests without an answer, by FL; those that wait for a switch have none.",
            labels=[FLOODLIGHT],
        )
        for name in sorted(pending):
            family.add_metric([name], max(pending[name], 0))
        yield family
        for table, text in (
            ("blacklist", "Requests whose late answers are dropped."),
            ("gathers", "Rows of commands to several switches or FLs."),
            ("switches", "Switches that are known."),
        ):
            name = f"{PREFIX}{table}_entries"
            yield GaugeMetricFamily(
                name, text, sum(len(getattr(owned.context, table)) for owned in shards)
            )

    def _floodlights(self) -> Iterator[Metric]:
        """Their states, each told by the worker that has its home; their switches, by all."""
        up = GaugeMetricFamily(f"{PREFIX}floodlight_up", "Whether it answers.", labels=[FLOODLIGHT])
        drained = GaugeMetricFamily(
            f"{PREFIX}floodlight_drained", "Whether it is drained.", labels=[FLOODLIGHT]
        )
        syncing = GaugeMetricFamily(
            f"{PREFIX}floodlight_syncing", "Whether a sync of it runs.", labels=[FLOODLIGHT]
        )
        speaks = GaugeMetricFamily(
            f"{PREFIX}floodlight_switches", "Switches it is active for.", labels=[FLOODLIGHT]
        )
        for shard in self._app.shards.owned():
            context = shard.context
            for name in context.known_floodlights():
                label, state = [self._shown(FLOODLIGHT, name)], context.floodlights[name]
                if home(name, context.rules.partitions) == context.number and label != [OTHER]:
                    if not (state.up and self._app.contact.lost_since):  # nobody knows
                        up.add_metric(label, state.up)
                    drained.add_metric(label, state.drained)
                    syncing.add_metric(label, state.syncing > 0)
        counts: Counter[str] = Counter()
        for name, count in self._tally.speaks.items():
            counts[self._shown(FLOODLIGHT, name)] += count
        for name in sorted(counts):
            speaks.add_metric([name], counts[name])
        yield from (up, drained, syncing, speaks)

    def _work(self) -> Iterator[Metric]:
        app, shards = self._app, self._app.shards
        lag: Counter[str] = Counter()
        for at, records in shards.lag().items():
            lag[self._shown("topic", at.topic)] += records
        family = GaugeMetricFamily(
            f"{PREFIX}lag_records", "Records in Kafka that are not read.", labels=["topic"]
        )
        for topic in sorted(lag):
            family.add_metric([topic], lag[topic])
        yield family
        family = GaugeMetricFamily(
            f"{PREFIX}unread_partitions",
            "Partitions that shards of this worker should read and do not.",
            labels=["topic"],
        )
        unread: Counter[str] = Counter()
        for topic, count in shards.unread_partitions().items():
            unread[self._shown("topic", topic)] += count
        for topic in sorted(unread):
            family.add_metric([topic], unread[topic])
        yield family
        waiting = sum(shards.waiting(number) for number in list(shards.numbers))
        for name, text, value in (
            ("ready", "Whether this worker serves its shards.", not not_ready(app)),
            ("shards", "Shards of this worker.", len(list(shards.numbers))),
            ("shards_configured", "Shards that there are.", app.settings.partitions),
            (
                "held_back_partitions",
                "Partitions unread as a shard is full.",
                len(shards.held_back),
            ),
            ("waiting_records", "Records that were read and wait to be decided.", waiting),
            ("clock_seconds", "This worker's clock, in s since the epoch.", time.time()),
            (
                "catch_up_seconds",
                "How long deadlines have waited for what lies before them.",
                shards.longest_catch_up_s,
            ),
            (
                "restore_left_records",
                "Records to restore before it serves.",
                shards.left_to_restore,
            ),
        ):
            yield GaugeMetricFamily(PREFIX + name, text, float(value))
        for name, text, count in (
            ("restored_records", "Records that were restored.", shards.restored_records),
            ("takeovers", "Shards that were taken over.", shards.takeovers),
            ("ownership_losses", "Times that shards were lost or not restored.", shards.losses),
        ):
            yield CounterMetricFamily(PREFIX + name, text, count)


def _cumulative(histogram: Histogram, bounds: Iterable[float]) -> list[tuple[str, float]]:
    """As Prometheus has them: each bucket with all that are smaller."""
    buckets: list[tuple[str, float]] = []
    total = 0
    names = [*(f"{float(bound):g}" for bound in bounds), "+Inf"]
    for name, count in zip(names, histogram.counts, strict=True):
        total += count
        buckets.append((name, total))
    return buckets


def register(app: RouterApp, tally: Tally) -> None:
    """Give `app` the page; in Prometheus' text or in OpenMetrics, as the reader asks."""
    registry = CollectorRegistry()
    registry.register(RouterCollector(app, tally))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)

    async def metrics(view: Any, request: web.Request) -> web.Response:
        await tally.fresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app.page("/metrics", name="metrics")(metrics)
