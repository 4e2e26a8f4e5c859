"""Repairs of aiokafka's consumers. Whoever makes a consumer calls `repair` first.

Header names: Kafka takes any bytes, and so do clients that are not Java's. aiokafka raises for what
is no UTF-8 in the middle of a fetch: whoever reads the partition ends there, and so does the next.

Gaps: while two clients write to one partition, a fetch from the embedded broker may hold the later
batch without the earlier one, which the next fetch shows (nisshi-io/nisshi#713). On Kafka a gap is
what compaction or a transaction left, so this is for `tansu://` addresses only.

Closing: a fetch that has just failed waits a moment before it is tried again. Cancelled in that
moment, it makes aiokafka's `Fetcher.close` raise `CancelledError`: a Faust worker then never ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import memory_records
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy

_close = fetcher.Fetcher.close


def repair(*, embedded: bool) -> None:
    """Repair all consumers of this process.

    Args:
        embedded: whether the broker is the embedded one, which has a fault of its own.
    """
    fetcher.MemoryRecords = Records
    fetcher.Fetcher.close = _close_whole
    if embedded:
        fetcher.PartitionRecords = GaplessRecords


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

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

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


class Records(memory_records._MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types
    """The batches of a fetch; what is no UTF-8 in a header's name becomes U+FFFD."""

    def next_batch(self) -> Any:
        """The next one; those of old formats have no headers."""
        data = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, data) if isinstance(batch, DefaultRecordBatch) else batch


class GaplessRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """What one fetch brought from one partition, up to the first offset that is missing."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        """Stop before a gap; the position stays there, so the next fetch begins at it."""
        expected = self.next_fetch_offset
        for record in super()._unpack_records():
            if record.offset != expected:
                self.next_fetch_offset = expected
                return
            expected += 1
            yield record


async def _close_whole(self: fetcher.Fetcher) -> None:
    """Cancel the fetches in flight, wait until they are gone, and then close."""
    # The one that begins fetches must not begin another.
    self._closed = True
    self._fetch_task.cancel()
    fetches = [self._fetch_task, *self._pending_tasks]
    for fetch in fetches:
        fetch.cancel()
    await asyncio.wait(fetches)
    self._pending_tasks.difference_update(fetches)
    await _close(self)
