"""What the embedded broker leaves out of a fetch is read by the next one."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.patches import GaplessRecords, repair
from tests.runtime.broker import settings
from tests.support.clients import create_topics
from tests.support.patience import HOPE

TP = aiokafka.TopicPartition("t", 0)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Reading without gaps is a matter of the process; this one also reads from Kafka."""
    aiokafkas = fetcher.PartitionRecords
    yield
    fetcher.PartitionRecords = aiokafkas


def batch(offset: int, count: int) -> bytes:
    """A batch of `count` records, the first at `offset`."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    for number in range(count):
        builder.append(number, timestamp=1, key=None, value=b"%d" % (offset + number), headers=[])
    return struct.pack(">q", offset) + bytes(builder.build()[8:])  # the offset has no checksum


def read(data: bytes, offset: int) -> Any:
    """What aiokafka makes of a fetch at `offset`."""
    return GaplessRecords(TP, MemoryRecords(data), [], offset, None, None, True, 0)


def test_records_end_before_a_gap_and_the_position_stays_there() -> None:
    """Between batches, and before the first; what lies before the position is no gap."""
    records = read(batch(10, 5) + batch(15, 2) + batch(20, 3), 12)
    assert [record.offset for record in records] == [12, 13, 14, 15, 16]
    assert records.next_fetch_offset == 17

    records = read(batch(20, 3), 17)
    assert list(records) == []
    assert records.next_fetch_offset == 17

    records = read(batch(17, 3) + batch(20, 3), 17)
    assert [record.offset for record in records] == list(range(17, 23))
    assert records.next_fetch_offset == 23


@pytest.mark.broker
def test_nothing_is_missed_while_several_clients_write(broker_url: str) -> None:
    """Without the cure a reader at the end of a partition misses a batch in 2,000 or so."""
    found = settings(broker_url)
    topic = found.inbound_topics[0]
    writers, writes, size = 6, 400, 10

    async def write(gate: asyncio.Barrier) -> None:
        producer = aiokafka.AIOKafkaProducer(**connection(found), acks="all")
        await producer.start()
        try:
            await gate.wait()
            for _ in range(writes):
                builder = producer.create_batch()
                for number in range(size):
                    builder.append(key=None, value=b"%d" % number, timestamp=None)
                builder.close()
                await (await producer.send_batch(builder, topic, partition=0))
        finally:
            await producer.stop()

    async def read(gate: asyncio.Barrier) -> list[int]:
        repair(embedded=True)
        consumer = aiokafka.AIOKafkaConsumer(**connection(found))
        await consumer.start()
        try:
            consumer.assign([aiokafka.TopicPartition(topic, 0)])
            await consumer.seek_to_beginning()
            await gate.wait()
            offsets: list[int] = []
            while not offsets or offsets[-1] + 1 < writers * writes * size:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    offsets += [record.offset for record in records]
            return offsets
        finally:
            await consumer.stop()

    async def all_together() -> list[list[int]]:
        gate = asyncio.Barrier(writers + 2)
        async with asyncio.timeout(60 * HOPE), asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(write(gate))
            readers = [group.create_task(read(gate)) for _ in range(2)]
        return [task.result() for task in readers]

    create_topics(",".join(found.bootstrap_servers), {topic: 1})
    for offsets in asyncio.run(all_together()):
        assert offsets == list(range(writers * writes * size))
