"""How librdkafka is set up in both clients: the same for every contender."""

from __future__ import annotations

from typing import Any

from benchmarks.layout import Layout


def producer(layout: Layout) -> dict[str, Any]:
    """A producer that waits for nothing but a moment's neighbours, and keeps order."""
    return {
        "bootstrap.servers": layout.broker,
        "acks": "all",
        # librdkafka sends a request per partition: without a pause each record would be one.
        "linger.ms": 2,
        "max.in.flight": 1,  # keeps order; all a partition has goes into the next request
        "partitioner": "murmur2_random",  # Kafka's own, so that a switch's commands are at home
        "queue.buffering.max.messages": 2_000_000,
        "queue.buffering.max.kbytes": 1 << 20,
    }


def consumer(layout: Layout) -> dict[str, Any]:
    """A consumer without a group."""
    return {
        "bootstrap.servers": layout.broker,
        "group.id": f"{layout.name}-clients",  # required, not used: partitions are assigned
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 10,
        "fetch.queue.backoff.ms": 1,
        "queued.min.messages": 100_000,
    }
