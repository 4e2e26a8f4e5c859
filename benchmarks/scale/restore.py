"""How fast a takeover reads its tables back: entries of the pending table, from a real broker.

A process of its own, so that its processor time and memory are its own:

    python -m benchmarks.scale.restore URL APP_ID PARTITIONS ENTRIES
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial

import msgspec
from confluent_kafka import Producer

from benchmarks import messages
from flrouter.core.shard import Shard
from flrouter.core.values.records import Pending, Stage
from flrouter.core.values.request import Origin
from flrouter.kafka import replay
from flrouter.kafka.cluster.topics import changelog
from flrouter.ports import Partition, Record
from flrouter.runtime.rules import rules_of
from flrouter.runtime.state.reading import changelogs_of, put
from flrouter.settings.model import Settings


def write(settings: Settings, entries: int) -> None:
    """Fill the changelog of the pending table, as shards would have."""
    producer = Producer(
        {
            "bootstrap.servers": ",".join(settings.bootstrap_servers),
            "linger.ms": 50,
            "queue.buffering.max.messages": 2_000_000,
        }
    )
    encode = msgspec.msgpack.Encoder().encode
    topic = changelog(settings, "pending")
    now = int(time.time() * 1000)
    for number in range(entries):
        origin = Origin(settings.inbound_topics[0], number % settings.partitions, number)
        pending = Pending(
            f"fl-{number % 4}",
            messages.correlation_id(1, number).decode(),
            settings.flow_topic,
            messages.switch_id(number % 1_000),
            str(origin),
            now + 3_600_000,
            Stage.ACKED,
        )
        producer.produce(
            topic, encode(pending), origin.number.encode(), number % settings.partitions
        )
        if number % 10_000 == 0:
            producer.poll(0)
    producer.flush(120)


def read(settings: Settings) -> dict[str, float]:
    """Restore all shards; how many entries there were, and how long it took (s)."""
    rules, catalog = rules_of(settings), settings.message_catalog
    cores = {number: Shard(number, rules, catalog) for number in range(settings.partitions)}
    changelogs = {
        changelog.partition: changelog
        for number in cores
        for changelog in changelogs_of(settings, number)
    }

    def take(at: Partition, rows: Sequence[Record]) -> None:
        changelogs[at].replay(rows, partial(put, cores[at.number]))

    began, cpu = time.monotonic(), time.process_time()
    ends = replay.ends(settings, changelogs)
    if ends is None or not replay.replay(settings, dict.fromkeys(changelogs, 0), ends, take):
        raise ConnectionError("the brokers did not answer")
    count = sum(changelog.count for changelog in changelogs.values())
    for core in cores.values():
        core.restored(int(time.time() * 1000))
    found = sum(len(core.context.pending) for core in cores.values())
    return {
        "entries": found,
        "records": count,
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
    }


def main(url: str, app_id: str, partitions: int, entries: int) -> None:
    """Write, then read, and print what was found as JSON."""
    settings = Settings(broker=url, app_id=app_id, partitions=partitions)
    write(settings, entries)
    sys.stdout.write(json.dumps(read(settings)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
