"""Where partitions end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from flrouter.settings.model import Settings


async def ends(
    consumer: Any, partitions: Sequence[TopicPartition], settings: Settings
) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition.

    On the embedded broker `consumer`, which must have no group, is assigned to them anew:
    ListOffsets is too low there when a last batch holds more than one record, so the ends are
    taken from a fetch.
    """
    listed: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    if not settings.embedded:
        return listed
    consumer.assign(list(listed))
    for tp, end in listed.items():
        consumer.seek(tp, max(end - 1, 0))
    last_offsets: dict[TopicPartition, int] = {}
    while len(last_offsets) < len(listed):
        await consumer.getmany(timeout_ms=20)
        for tp in listed:
            end = consumer.highwater(tp)
            if end is not None:
                last_offsets[tp] = end
    return last_offsets
