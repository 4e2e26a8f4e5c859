"""Reading without gaps from the embedded broker.

While two clients write to one partition, a fetch from Tansu may hold the later batch without the
earlier one, which only the next fetch would show: its offsets are given out before the batches are
there to be read (nisshi-io/nisshi#713). Kafka never does that; there, a gap is what compaction or
a transaction left. So only who reads from a `tansu://` address calls `read_without_gaps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher


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


def read_without_gaps() -> None:
    """From now on no consumer of this process reads past a missing offset."""
    fetcher.PartitionRecords = GaplessRecords
