"""kafka-python's consumers read without gaps from the embedded broker.

`flrouter.repairs.gapless` has it for aiokafka's: what a test did not see must not be for the
broker's sake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.consumer import fetcher

Records: Any = fetcher.Fetcher.PartitionRecords


class GaplessRecords(Records):
    """What one fetch brought from one partition, up to the first offset that is missing."""

    def _unpack_records(self, *args: Any) -> Iterator[Any]:
        expected = self.next_fetch_offset
        for record in super()._unpack_records(*args):
            if record.offset >= self.fetch_offset:
                if record.offset != expected:
                    self.next_fetch_offset = expected
                    self.drain()
                    return
                expected += 1
            yield record


def read_without_gaps() -> None:
    """From now on no consumer of this process reads past a missing offset."""
    fetcher.Fetcher.PartitionRecords = GaplessRecords
