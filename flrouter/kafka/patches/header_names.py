"""Reading records whose header names are no UTF-8.

Kafka takes any bytes for a header's name, and so do clients that are not Java's. aiokafka raises
for them in the middle of a fetch: whoever reads the partition ends there, and so does the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import memory_records
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy


class _Lenient(bytes):
    """Bytes whose slices are text whatever they hold."""

    def __getitem__(self, at: Any) -> Any:
        item = super().__getitem__(at)
        return _Lenient(item) if isinstance(item, bytes) else item

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka has no types
    """Read in Python, which lets us say what becomes of a header's name."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: Any = _Lenient(self._buffer)


class _Batch:
    """A batch, read in C as far as that goes."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._batch = DefaultRecordBatch(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except (UnicodeDecodeError, CorruptRecordException):
            # From its first record on: the fetcher passes over those that it has had.
            yield from _SlowBatch(self._data)


class _Records(memory_records._MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types
    """The batches of a fetch."""

    def next_batch(self) -> Any:
        """The next one; those of old formats have no headers."""
        data = self._next_slice
        if data is None or len(data) < memory_records._MemoryRecordsPy.MIN_SLICE:
            return super().next_batch()
        if data[memory_records._MemoryRecordsPy.MAGIC_OFFSET] < 2:
            return super().next_batch()
        self._cache_next()
        return _Batch(data)


def read_all_header_names() -> None:
    """From now on no consumer of this process stops at a name: what is no UTF-8 becomes U+FFFD."""
    fetcher.MemoryRecords = _Records
