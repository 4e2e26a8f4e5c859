"""Metrics of the history worker, each with the router's name (docs/metrics.md)."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: s; upper bounds of the buckets of searches.
SEARCH_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What the history worker counts."""

    def __init__(self, app_id: str) -> None:
        self.registry = registry = CollectorRegistry()
        counter = partial(Counter, namespace="flrouter_history", registry=registry)
        records = counter("read_records", "Records of the topic.", ("app_id", "outcome"))
        self.indexed = records.labels(app_id, "indexed")
        self.skipped = records.labels(app_id, "skipped")
        self.failures = counter("database_failures", "Failed calls.", ("app_id",)).labels(app_id)
        text = "Records of the topic that are not in the database."
        lag = Gauge("flrouter_history_lag_records", text, ("app_id",), registry=registry)
        self.lag = lag.labels(app_id)
        #: by app id and the path of the API.
        self.searches = Histogram(
            "flrouter_history_search_duration_seconds",
            "How long the database took to answer.",
            ("app_id", "path"),
            buckets=SEARCH_BOUNDS_S,
            registry=registry,
        )
