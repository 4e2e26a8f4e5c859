"""`python -m benchmarks.standstill`: for how long shards answer nothing while the group deals.

Commands go to all shards at a steady rate while a worker joins, another leaves cleanly, and an FL
is added. Of each shard the longest time between two answers counts, by the time that they bear: of
those that stay with their worker, and of those that move to another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise, product
from pathlib import Path
from typing import Any

import aiokafka
import msgspec
from confluent_kafka import Producer

from flrouter.core.values import peers
from flrouter.core.values.home import home
from flrouter.core.values.peers import AddFloodlight
from flrouter.kafka.patches import repair
from flrouter.settings.model import load
from tests.chaos.stage import PARTITIONS, SWITCHES, Stage, until
from tests.chaos.traffic import command, name_of
from tests.chaos.wires import PLAIN
from tests.kafka.cluster import Cluster
from tests.support.stats import stats

#: commands a second.
RATE = 600
#: ms; how long a shard may stand still that stays, and one that moves.
STAYS_MS, MOVES_MS = 100, 2_000
#: s; before the first change, and after each until the next: it is over by then.
CALM_S = 5.0
NEW = "fl-new"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when a shard stood still for longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standstill", description=__doc__)
    add = parser.add_argument
    add("--standby", action="store_true", help="workers follow each other's shards")
    add("--guarantee", default="at_least_once", choices=["at_least_once", "exactly_once"])
    add("--json", type=Path)
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="flrouter-standstill-"))
    with Cluster(1) as cluster:
        stage = Stage(cluster, folder, chosen.guarantee, 2, standby=chosen.standby)
        try:
            measured = asyncio.run(Field(cluster, stage).run())
        finally:
            stage.close()
    shutil.rmtree(folder)
    result = {
        "rate": RATE,
        "guarantee": chosen.guarantee,
        "standby": chosen.standby,
        "longest_ms": measured,
    }
    text = json.dumps(result)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")
    stays = [ms for longest in measured.values() for ms in longest["stays"].values()]
    moves = [ms for longest in measured.values() for ms in longest["moves"].values()]
    return 0 if max(stays) < STAYS_MS and max(moves) < MOVES_MS else 1


class Field:
    """The stage under load, and when each shard answered."""

    def __init__(self, cluster: Cluster, stage: Stage) -> None:
        self._cluster = cluster
        self._stage = stage
        #: ms; when each shard's answers were written.
        self._answered: dict[int, list[int]] = {shard: [] for shard in range(PARTITIONS)}
        self._shards: dict[str, int] = {}

    async def run(self) -> dict[str, dict[str, dict[str, int]]]:
        """Change one thing after the other: change → stays or moves → shard → ms."""
        await asyncio.to_thread(self._stage.open)
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._read())]
        try:
            await asyncio.sleep(CALM_S)
            return {
                "nothing": await self._during(lambda: None),
                "a worker joins": await self._during(self._join),
                "a worker leaves": await self._during(self._leave),
                "an FL is added": await self._during(self._add),
            }
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _during(self, change: Callable[[], None]) -> dict[str, dict[str, int]]:
        owners = await asyncio.to_thread(self._owners)
        began = round(time.time() * 1_000)
        await asyncio.to_thread(change)
        await asyncio.sleep(CALM_S)
        ended = round(time.time() * 1_000)
        await asyncio.sleep(1)  # answers are read a little later than they are written
        moved = await asyncio.to_thread(self._owners)
        longest: dict[str, dict[str, int]] = {"stays": {}, "moves": {}}
        for shard, answered in self._answered.items():
            within = sorted(at for at in answered if began <= at <= ended)
            gaps = (after - before for before, after in pairwise([began, *within, ended]))
            place = "stays" if owners[shard] == moved[shard] else "moves"
            longest[place][str(shard)] = max(gaps)
        return longest

    def _owners(self) -> dict[int, int]:
        return {
            shard: worker.web_port
            for worker in self._stage.workers
            for shard in stats(worker.web_port)["shards"]
        }

    def _join(self) -> None:
        worker = self._stage.add_worker()
        until(lambda: worker.said(b"Worker ready"), 60, worker.name)

    def _leave(self) -> None:
        self._stage.workers.pop(0).leave()

    def _add(self) -> None:
        # As `flrouter floodlight add` does, whose start would take a second of processor.
        settings = load(self._stage.environ)
        record = peers.order(settings.shards_topic, settings.partitions, NEW, AddFloodlight(NEW))
        producer = Producer({"bootstrap.servers": self._cluster.bootstrap})
        producer.produce(record.topic, record.value, partition=record.partition or 0)
        producer.flush()

    # -- the load -----------------------------------------------------------------------------

    async def _send(self) -> None:
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=self._cluster.bootstrap, acks="all")
        await producer.start()
        began = time.monotonic()
        try:
            for sent, number in enumerate(_numbers()):
                partition, kind, value = command(number)
                self._shards[name_of(number)] = _shard(number)
                await producer.send(PLAIN.inbound[kind], value, partition=partition)
                await asyncio.sleep(max(0.0, began + sent / RATE - time.monotonic()))
        finally:
            await producer.stop()

    async def _read(self) -> None:
        repair(embedded=False)
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._cluster.bootstrap, isolation_level="read_committed"
        )
        await consumer.start()
        topics = product(PLAIN.answers, range(PARTITIONS))
        consumer.assign([aiokafka.TopicPartition(*each) for each in topics])
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        name: Any = msgspec.json.decode(record.value)["correlation_id"]
                        if name in self._shards:
                            self._answered[self._shards[name]].append(record.timestamp)
        finally:
            await consumer.stop()


def _shard(number: int) -> int:
    """Where the switch of a command is at home."""
    return home(SWITCHES[number // PARTITIONS % len(SWITCHES)], PARTITIONS)


def _numbers() -> Iterator[int]:
    """Those of all commands, in an order that gives each shard its own at an even pace."""
    round_length = PARTITIONS * len(SWITCHES)
    for first in count(0, round_length):
        of_shards: dict[int, list[int]] = {}
        for number in range(first, first + round_length):
            of_shards.setdefault(_shard(number), []).append(number)
        places = [
            ((place + 0.5) / len(numbers), number)
            for numbers in of_shards.values()
            for place, number in enumerate(numbers)
        ]
        yield from (number for _, number in sorted(places))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
