"""Records as requesters and FLs may compress them."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_compression_of_kafka_can_be_read(codec: int) -> None:
    """A worker that lacks one's library ends at the first such record, and so does the next."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 100_000)
    assert builder.append(0, 0, b"k", b"v" * 1_000, [])
    records = MemoryRecords(bytes(builder.build()))
    place = TopicPartition("t", 0)
    found = list(fetcher.PartitionRecords(place, records, [], 0, None, None, True, 0))
    assert [record.value for record in found] == [b"v" * 1_000]
