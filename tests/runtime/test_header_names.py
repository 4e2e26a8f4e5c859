"""Header names that are no UTF-8, which Kafka takes and aiokafka does not."""

from __future__ import annotations

import struct

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record import util
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from flrouter.kafka.patches import Records

PLACE = TopicPartition("t", 0)


def batch(base: int, name: bytes, codec: int = 0) -> bytes:
    """Three records from offset `base` on, the second with a header of this name (two bytes)."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    for at in range(3):
        headers = [("ab", b"x"), ("null", None)] if at == 1 else []
        assert builder.append(at, 0, b"k", b"v%d" % at, headers)
    raw = bytearray(builder.build())
    raw = raw.replace(b"ab", name)
    raw[0:8] = struct.pack(">q", base)
    if codec:
        import gzip

        head, body = raw[:61], gzip.compress(bytes(raw[61:]))
        raw = head + bytearray(body)
        raw[8:12] = struct.pack(">i", len(raw) - 12)
        raw[22] |= codec
    raw[17:21] = struct.pack(">I", util.calc_crc32c(bytes(raw[21:])))
    return bytes(raw)


@pytest.mark.parametrize("codec", [0, 1], ids=["plain", "gzip"])
def test_a_record_is_read_whatever_its_headers_are_called(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each comes once, also those before and after it in the same fetch."""
    monkeypatch.setattr(fetcher, "MemoryRecords", Records)
    data = batch(0, b"ab", codec) + batch(3, b"\xff\xfe", codec) + batch(6, b"ab", codec)
    records = fetcher.PartitionRecords(
        PLACE, fetcher.MemoryRecords(data), [], 1, None, None, True, fetcher.READ_COMMITTED
    )
    found = {record.offset: record for record in records}
    assert list(found) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [record.value for record in found.values()] == [b"v%d" % (at % 3) for at in found]
    assert list(found[4].headers) == [("\ufffd\ufffd", b"x"), ("null", None)]
    assert list(found[7].headers) == [("ab", b"x"), ("null", None)]
    assert records.next_fetch_offset == 9


def test_aiokafka_still_stops_there() -> None:
    """When this fails, `Records` is needed no more."""
    records = MemoryRecords(batch(0, b"\xff\xfe"))
    with pytest.raises(UnicodeDecodeError):
        list(fetcher.PartitionRecords(PLACE, records, [], 0, None, None, True, 0))
