"""`python -m benchmarks.failover`: how long commands wait when one of two workers is killed.

The state that the other one has to take over is made first: commands that their FL acknowledges
and never answers. Then commands go to all shards at a steady rate, one worker gets `kill -9`, and
for each of its shards the time counts until a command is answered that was sent after the kill.
Kafka itself takes the session timeout to notice; what comes on top of that is the router's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiokafka
import msgspec

from flrouter.core.values.home import home
from flrouter.kafka.patches import repair
from tests.chaos.stage import PARTITIONS, SWITCHES, SWITCHES_EACH, Stage
from tests.chaos.traffic import Traffic, command, name_of
from tests.chaos.wires import PLAIN
from tests.kafka.cluster import Cluster
from tests.support.stats import stats

SESSION = 6.0
RATE = 200
#: the first number of the commands that are timed.
FIRST = 10_000_000


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when the router took 3 s or more of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failover", description=__doc__)
    add = parser.add_argument
    add("--pending", type=int, default=100_000, help="commands without an answer to take over")
    add("--no-standby", action="store_true", help="without a standby, for comparison")
    add("--json", type=Path)
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="flrouter-failover-"))
    with Cluster(1) as cluster:
        found = asyncio.run(run(cluster, folder, chosen.pending, standby=not chosen.no_standby))
    shutil.rmtree(folder)
    text = json.dumps(found)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0 if found["over_session_timeout"] < 3 else 1


async def run(cluster: Cluster, folder: Path, pending: int, *, standby: bool) -> dict[str, Any]:
    """Make the state, kill, and time."""
    stage = Stage(
        cluster,
        folder,
        "at_least_once",
        2,
        standby=standby,
        session_timeout=SESSION,
        max_pending=10 * pending + 10_000,
        ack_timeout=600,
        response_timeout=600,
        alive_timeout=30,
    )
    try:
        await asyncio.to_thread(stage.open)
        stage.floodlights[0].tell(fault="no_answer")
        filling = Traffic(
            cluster.bootstrap,
            "read_uncommitted",
            pending,
            10**9,
            switches=SWITCHES[:SWITCHES_EACH],
        )
        filling.limit = pending
        await filling.run()
        while sum(stats(worker.web_port)["pending"] for worker in stage.workers) < pending:
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)  # a standby follows within a moment; nothing tells when
        times = await kill(cluster, stage)
    finally:
        stage.close()
    longest = max(times.values())
    return {
        "pending": pending,
        "standby": standby,
        "session_timeout": SESSION,
        "answered_again_after": {str(shard): round(took, 2) for shard, took in times.items()},
        "over_session_timeout": round(longest - SESSION, 2),
    }


async def kill(cluster: Cluster, stage: Stage) -> dict[int, float]:
    """Kill the first worker under steady traffic: shard → s until it answers again."""
    switches = SWITCHES[SWITCHES_EACH:]
    lost = set(stats(stage.workers[0].web_port)["shards"])
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    repair(embedded=False)
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, fetch_max_wait_ms=20)
    await producer.start()
    await consumer.start()
    consumer.assign(
        [aiokafka.TopicPartition(topic, n) for topic in PLAIN.answers for n in range(PARTITIONS)]
    )
    sent: dict[str, tuple[float, int]] = {}
    times: dict[int, float] = {}
    killed = 0.0

    async def send() -> None:
        number = FIRST
        while True:
            number += 1
            partition, kind, value = command(number, switches)
            shard = home(switches[number // PARTITIONS % len(switches)], PARTITIONS)
            sent[name_of(number)] = (time.monotonic(), shard)
            await producer.send(PLAIN.inbound[kind], value, partition=partition)
            await asyncio.sleep(1 / RATE)

    sending = asyncio.create_task(send())
    try:
        began = time.monotonic()
        while times.keys() < lost:
            if not killed and time.monotonic() - began > 5:
                killed = time.monotonic()
                stage.workers.pop(0).kill()
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    at, shard = sent.get(
                        msgspec.json.decode(record.value)["correlation_id"], (0, 0)
                    )
                    if killed and at > killed and shard in lost:
                        times.setdefault(shard, time.monotonic() - killed)
            if killed and time.monotonic() - killed > 120:
                raise TimeoutError(f"shards {lost - times.keys()} did not answer within 120 s")
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        await producer.stop()
        await consumer.stop()
    return times


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
