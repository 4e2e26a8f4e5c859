"""The cluster does what tests will ask of it, with the very clients that the router uses."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from flrouter.kafka.patches import repair
from tests.kafka.cluster import Cluster
from tests.support.patience import HOPE

PARTITIONS = 3


@pytest.fixture
def topic(admin: KafkaAdminClient) -> str:
    """A topic of its own for each test, with three copies."""
    name = f"t{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(name, PARTITIONS, 3)])
    return name


@asynccontextmanager
async def producer(cluster: Cluster, **how: object) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of aiokafka's, idempotent and with acks=all."""
    client = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, enable_idempotence=True, acks="all", **how
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def consumer(cluster: Cluster, topic: str, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of a group that sees committed records only and commits when told."""
    repair(embedded=False)
    client = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        metadata_max_age_ms=2000,  # a moved leader holds it up for that long, see docs/testing.md
    )
    client.subscribe([topic])
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def take(client: AIOKafkaConsumer, count: int) -> list[bytes]:
    """The values of the next records, in the order of their numbers."""
    records = [await asyncio.wait_for(client.getone(), 20 * HOPE) for _ in range(count)]
    return sorted((record.value for record in records), key=int)


def numbers(*ranges: range) -> list[bytes]:
    """What `take` returns for these."""
    return [b"%d" % each for numbers in ranges for each in numbers]


def leader(admin: KafkaAdminClient, topic: str) -> int:
    """The broker that leads the topic's partition 0."""
    (described,) = admin.describe_topics([topic])
    (found,) = [
        each["leader_id"] for each in described["partitions"] if each["partition_index"] == 0
    ]
    return int(found)


def test_every_partition_has_three_copies(
    cluster: Cluster, admin: KafkaAdminClient, topic: str
) -> None:
    """All brokers take part in a topic, and in Kafka's own."""
    described = admin.describe_topics([topic, "__consumer_offsets", "__transaction_state"])
    for each in described:
        for partition in each["partitions"]:
            assert sorted(partition["replica_nodes"]) == list(cluster.ids), each["name"]
    assert len(described) == 3


def test_nothing_is_lost_or_doubled_when_a_leader_is_killed(
    cluster: Cluster, admin: KafkaAdminClient, topic: str
) -> None:
    """Producers go on over the kill and the restart of a broker; a group reads each record once."""

    async def scenario() -> None:
        async with (
            producer(cluster) as plain,
            producer(cluster, transactional_id=f"{topic}-tx") as transactional,
        ):

            async def send(first: int) -> None:
                for number in range(first, first + 20):
                    await plain.send_and_wait(topic, b"%d" % number, partition=number % PARTITIONS)
                async with transactional.transaction():
                    for number in range(first + 20, first + 40):
                        await transactional.send(
                            topic, b"%d" % number, partition=number % PARTITIONS
                        )
                await transactional.begin_transaction()
                await transactional.send_and_wait(topic, b"-1", partition=0)
                await transactional.abort_transaction()

            await send(0)
            victim = leader(admin, topic)
            cluster.kill(victim)
            await send(40)
            await asyncio.to_thread(cluster.wait_missed, victim)
            await send(80)
            await asyncio.to_thread(cluster.restart, victim)
            await send(120)

        async with consumer(cluster, topic, topic) as member:
            assert await take(member, 160) == numbers(range(160))
            assert not await member.getmany(timeout_ms=1000), "nothing is left, or came twice"

    asyncio.run(scenario())


def test_a_group_goes_on_after_its_commit(cluster: Cluster, topic: str) -> None:
    """A member begins where the last one committed, also when its coordinator was killed."""

    async def scenario() -> None:
        async with producer(cluster) as sender:
            for number in range(20):
                await sender.send_and_wait(topic, b"%d" % number, partition=0)
            async with consumer(cluster, topic, topic) as first:
                assert await take(first, 10) == numbers(range(10))
                await first.commit({TopicPartition(topic, 0): 10})
                coordinator = first._coordinator.coordinator_id
                cluster.kill(coordinator)
                assert await take(first, 10) == numbers(range(10, 20))
                await first.commit({TopicPartition(topic, 0): 15})
            async with consumer(cluster, topic, topic) as second:
                assert await take(second, 5) == numbers(range(15, 20))
            await asyncio.to_thread(cluster.restart, coordinator)

    asyncio.run(scenario())


def test_a_transaction_takes_offsets_along_and_fences(cluster: Cluster, topic: str) -> None:
    """Input offsets are committed with the outputs, and only by the latest of one id."""

    async def scenario() -> None:
        name = f"{topic}-shard"
        at = TopicPartition(topic, 0)
        async with (
            consumer(cluster, topic, topic) as member,
            producer(cluster, transactional_id=name) as old,
        ):
            async with old.transaction():
                await old.send_and_wait(topic, b"0", partition=0)
                await old.send_offsets_to_transaction({at: 1}, topic)
            # The answer to a commit comes before its markers are written.
            while await member.committed(at) is None:
                await asyncio.sleep(0.05)
            assert await member.committed(at) == 1

            async with producer(cluster, transactional_id=name) as new:
                await old.begin_transaction()
                with pytest.raises(ProducerFenced):
                    await old.send_and_wait(topic, b"1", partition=0)
                async with new.transaction():
                    await new.send_and_wait(topic, b"2", partition=0)
            assert await take(member, 2) == [b"0", b"2"]

    asyncio.run(scenario())


def test_kafka_python_works_too(cluster: Cluster, topic: str) -> None:
    """The clients of the integration tests' foreign parties, with their defaults."""
    sender = KafkaProducer(bootstrap_servers=cluster.bootstrap)
    for number in range(20):
        sender.send(topic, b"%d" % number).get(20)
    sender.close()
    reader = KafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap,
        group_id=topic,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20000,
    )
    records = [next(reader).value for _ in range(20)]
    reader.commit()
    reader.close()
    assert sorted(records, key=int) == numbers(range(20))


def test_the_whole_cluster_comes_back(
    cluster: Cluster, admin: KafkaAdminClient, topic: str
) -> None:
    """After `kill -9` of all brokers at once everything acknowledged is still there."""

    async def scenario() -> None:
        async with producer(cluster) as sender:
            for number in range(20):
                await sender.send_and_wait(topic, b"%d" % number, partition=number % PARTITIONS)
        await asyncio.to_thread(cluster.kill_all)
        await asyncio.to_thread(cluster.start)
        async with consumer(cluster, topic, topic) as member:
            assert await take(member, 20) == numbers(range(20))

    asyncio.run(scenario())
