"""The collector: reads what is counted when Prometheus asks, so that counting costs no more."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, chain

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flrouter import __version__
from flrouter.core.values.events import FL, Event
from flrouter.faust_side.app import RouterApp
from flrouter.telemetry.ended import BOUNDS
from flrouter.telemetry.histogram import Histogram
from flrouter.web.calls.health import not_ready
from flrouter.web.calls.tally import Tally
from flrouter.web.metrics import page

PREFIX = "flrouter_"
#: different values of one label; all later ones are OTHER.
MAX_LABELS = 100
OTHER = "other"


class RouterCollector(Collector):
    """This worker's metrics; sums over all workers are the router's."""

    def __init__(self, app: RouterApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally
        #: label → its values. A counter keeps its label for good, so the first ones stay.
        self._values: defaultdict[str, set[str]] = defaultdict(set)

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now, each with the router's name."""
        router = {"app_id": self._app.settings.app_id}
        build = InfoMetricFamily(f"{PREFIX}build", "The version.", {"version": __version__})
        rest = (self._counts(), self._ends(), self._tables(), self._floodlights(), self._work())
        for family in chain([build], *rest):
            family.samples = [
                sample._replace(labels=router | sample.labels) for sample in family.samples
            ]
            yield family

    def _shown(self, label: str, value: str) -> str:
        values = self._values[label]
        if len(values) < MAX_LABELS:
            values.add(value)
        return value if value in values else OTHER

    def _known(self, label: str) -> Iterator[str]:
        """Values that begin with 0: a series that begins with 1 shows no increase."""
        settings, floodlights = self._app.settings, sorted(self._app.membership.subscribed)
        if label == FL:
            yield from floodlights
        elif label == "topic":
            yield from (*settings.inbound_topics, settings.shards_topic)
            for floodlight in floodlights:
                yield from settings.fl_topics.written_by(floodlight)

    def _counter(self, name: str, text: str, label: str, counts: Counter[str]) -> Metric:
        if not label:
            return CounterMetricFamily(PREFIX + name, text, counts.total())
        family = CounterMetricFamily(PREFIX + name, text, labels=[label])
        shown: Counter[str] = Counter()
        for value in self._known(label):
            shown[self._shown(label, value)] = 0
        for value, count in counts.items():
            shown[self._shown(label, value)] += count
        for value in sorted(shown):
            family.add_metric([value], shown[value])
        return family

    def _gauge(self, name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
        """One value for each label; the empty label stays empty."""
        family = GaugeMetricFamily(PREFIX + name, text, labels=[label])
        shown: Counter[str] = Counter()
        for value, count in values.items():
            shown[self._shown(label, value) if value else ""] += count
        for value in sorted(shown):
            family.add_metric([value], max(shown[value], 0))
        return family

    def _counts(self) -> Iterator[Metric]:
        by_event: dict[Event, Counter[str]] = {event: Counter() for event in Event}
        for (event, label), count in (self._app.shards.counts + self._app.history.counts).items():
            by_event[event][label] += count
        for event in Event:
            yield self._counter(event.metric, event.text, event.label, by_event[event])

    def _ends(self) -> Iterator[Metric]:
        ended = self._app.shards.ended
        yield self._counter(
            "requests_ended", "Requests that had their answer.", "outcome", ended.outcomes()
        )
        family = HistogramMetricFamily(
            f"{PREFIX}answer_duration_seconds",
            "From reading a command to the answer of its FL.",
            labels=[FL],
        )
        merged: dict[str, Histogram] = {}
        for name, histogram in ended.latencies.items():
            into = merged.setdefault(self._shown(FL, name), Histogram(BOUNDS))
            into.counts = [sum(pair) for pair in zip(into.counts, histogram.counts, strict=True)]
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
            pending.update(shard.requests.by_floodlight)
        text = "Requests without an answer, by FL; those that wait for a switch have none."
        yield self._gauge("pending_requests", text, FL, pending)
        for table, text in (
            ("blacklist", "Requests whose late answers are dropped."),
            ("gathers", "Rows of commands to several switches or FLs."),
            ("switches", "Switches that are known."),
        ):
            rows = sum(len(getattr(shard.context, table)) for shard in shards)
            yield GaugeMetricFamily(f"{PREFIX}{table}_entries", text, rows)

    def _floodlights(self) -> Iterator[Metric]:
        """The states of FLs, from the worker that has their home; their switches, from all."""
        up, drained, syncing = (
            GaugeMetricFamily(f"{PREFIX}floodlight_{name}", text, labels=[FL])
            for name, text in (
                ("up", "Whether it answers."),
                ("drained", "Whether it is drained."),
                ("syncing", "Whether a sync of it runs."),
            )
        )
        for shard in self._app.shards.owned():
            context = shard.context
            for name in context.known_floodlights():
                label, state = [self._shown(FL, name)], context.floodlights[name]
                if context.home(name) == context.number and label != [OTHER]:
                    if not (state.up and self._app.contact.lost_since):  # otherwise unknown
                        up.add_metric(label, state.up)
                    drained.add_metric(label, state.drained)
                    syncing.add_metric(label, state.syncing > 0)
        yield from (up, drained, syncing)
        text = "Switches it is active for."
        yield self._gauge("floodlight_switches", text, FL, self._tally.speaks)

    def _work(self) -> Iterator[Metric]:
        app, shards = self._app, self._app.shards
        lag: Counter[str] = Counter()
        for at, records in shards.lag().items():
            lag[at.topic] += records
        yield self._gauge("lag_records", "Records in Kafka that are not read.", "topic", lag)
        text = "Partitions that shards of this worker should read and do not."
        yield self._gauge("unread_partitions", text, "topic", shards.unread_partitions())
        waiting = sum(runner.waiting for runner in list(shards.ownership.runners.values()))
        for name, text, value in (
            ("ready", "Whether this worker serves its shards.", not not_ready(app)),
            ("shards", "Shards of this worker.", len(shards.by_number)),
            ("shards_configured", "Shards that there are.", app.settings.partitions),
            (
                "held_back_partitions",
                "Partitions unread as a shard is full.",
                len(shards.backpressure.held_back),
            ),
            ("waiting_records", "Records that were read and wait to be decided.", waiting),
            ("clock_seconds", "This worker's clock, in s since the epoch.", time.time()),
            (
                "catch_up_seconds",
                "How long deadlines have waited for what lies before them.",
                shards.catch_ups.longest_s,
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
            (
                "ownership_losses",
                "Times that shards were lost or not restored.",
                shards.ownership.losses,
            ),
        ):
            yield CounterMetricFamily(PREFIX + name, text, count)


def _cumulative(histogram: Histogram, bounds: Iterable[float]) -> list[tuple[str, float]]:
    """The buckets as Prometheus has them: each with all that are smaller."""
    names = [*(f"{float(bound):g}" for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(histogram.counts), strict=True))


def register(app: RouterApp, tally: Tally) -> None:
    """Give `app` its page."""
    registry = CollectorRegistry()
    registry.register(RouterCollector(app, tally))
    page.register(app, registry, tally.fresh)
