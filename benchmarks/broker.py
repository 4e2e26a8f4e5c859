"""The broker that all contenders share."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flrouter import embedded

#: s; how long a topic may take to be known after it was made.
APPEARANCE = 30.0


@dataclasses.dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    #: for the result.
    title: str
    bootstrap: str
    #: its processes; none when somebody else runs it.
    pids: Sequence[int] = ()
    #: copies of each topic.
    replication: int = 1
    #: how flrouter's settings name it.
    scheme: str = "kafka"

    def create(self, topics: Mapping[str, int], *, compacted: bool = False) -> None:
        """Make topics, each with so many partitions, and wait until they are there."""
        # Here, as the harness's own tests do without this package.
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        config = {"cleanup.policy": "compact"} if compacted else {}
        made = [
            NewTopic(name, partitions, self.replication, config=config)
            for name, partitions in topics.items()
        ]
        for future in admin.create_topics(made, operation_timeout=30).values():
            future.result(60)
        until = time.monotonic() + APPEARANCE
        while not topics.keys() <= _led(admin.list_topics(timeout=30).topics):
            if time.monotonic() > until:
                raise RuntimeError(f"topics did not appear within {APPEARANCE:.0f} s")
            time.sleep(0.1)


def _led(topics: Mapping[str, Any]) -> set[str]:
    """Those of which every partition has a leader."""
    return {
        name
        for name, topic in topics.items()
        if topic.partitions and all(each.leader >= 0 for each in topic.partitions.values())
    }


def _kafka_version() -> str:
    """The version that the tests' brokers are of."""
    pom = Path(__file__).parent.parent / "tests" / "kafka" / "pom.xml"
    found = re.search(r"<kafka.version>(.*?)</kafka.version>", pom.read_text("utf-8"))
    return found[1] if found else "of an unknown version"


@contextlib.contextmanager
def broker(count: int = 1) -> Iterator[Broker]:
    """The cluster that FLROUTER_TEST_BROKER names; else `count` brokers of Apache Kafka, made for
    this; else, where those cannot be had, the embedded broker.
    """
    given = os.environ.get("FLROUTER_TEST_BROKER")
    if given:
        copies = int(os.environ.get("FLROUTER_TEST_REPLICATION", "1"))
        yield Broker(f"the broker at {given}", given.partition("://")[2], (), copies)
        return
    from tests.kafka.cluster import Cluster
    from tests.kafka.jars import KafkaMissing

    try:
        # Tests stop at Java's quick compiler; a broker under load is better off with the good one.
        cluster = Cluster(count, heap="1g", jvm=["-XX:TieredStopAtLevel=4"])
    except KafkaMissing as missing:
        with embedded.broker() as url:
            title = f"the embedded broker, as Apache Kafka cannot run here: {missing}"
            yield Broker(title, url.partition("://")[2], scheme=embedded.SCHEME)
        return
    try:
        cluster.start()
        brokers = f"{count} brokers" if count > 1 else "one broker"
        title = f"Apache Kafka {_kafka_version()}, {brokers} on this machine"
        yield Broker(title, cluster.bootstrap, list(cluster.pids.values()), min(3, count))
    finally:
        # Its guard goes on removing files when thousands of partitions take it too long.
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.close()
