"""Restoring tables from their changelogs, in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition

from flrouter.runtime.clients import isolation, reader
from flrouter.runtime.ends import ends
from flrouter.settings import Settings

#: records per poll.
POLL = 20_000

#: takes (partition, key, value or None) of one changelog record.
Apply = Callable[[int, bytes, bytes | None], None]


class Progress:
    """How far tables are restored."""

    def __init__(self) -> None:
        #: records that were read, of all restores so far.
        self.read = 0
        #: records that the one under way is to read yet, as far as is known.
        self.left = 0


async def restore(
    settings: Settings,
    changelogs: Mapping[str, Apply],
    partitions: Iterable[int],
    starts: Mapping[tuple[str, int], int] | None = None,
    start_over: Callable[[int], None] = lambda partition: None,
    progress: Progress | None = None,
) -> int:
    """Read the changelogs of `partitions` to their end; returns how many records there were.

    The end is where the position meets the high watermark that came with a fetch: a last record's
    offset may never get there (a transaction ends in a marker), and the embedded broker's
    ListOffsets is wrong.

    Args:
        settings: where the broker is.
        changelogs: topic → what takes its records.
        partitions: which of them.
        starts: (topic, partition) → the offset to begin at, where a local copy has what is before.
        start_over: told of a partition whose local copy does not fit its changelog: forget it.
        progress: kept up to date meanwhile.
    """
    remaining = {
        TopicPartition(topic, partition) for topic in changelogs for partition in partitions
    }
    if not remaining:
        return 0
    consumer = reader(settings, max_partition_fetch_bytes=4 << 20)
    stable = isolation(settings) == "read_committed"
    await consumer.start()
    count = 0
    progress = progress or Progress()
    try:
        fitting = await _fitting(consumer, remaining, starts or {}, start_over, settings)
        consumer.assign(list(remaining))
        await consumer.seek_to_beginning(*remaining)
        for tp, start in fitting.items():
            consumer.seek(tp, start)
        while remaining:
            batches = await consumer.getmany(timeout_ms=100, max_records=POLL)
            for tp, records in batches.items():
                apply = changelogs[tp.topic]
                count += len(records)
                progress.read += len(records)
                for record in records:
                    apply(tp.partition, record.key, record.value)
            progress.left = 0
            for tp in list(remaining):
                end = consumer.last_stable_offset(tp) if stable else consumer.highwater(tp)
                if end is None:
                    continue
                left = end - await consumer.position(tp)
                progress.left += max(left, 0)
                if left <= 0:
                    remaining.discard(tp)
    finally:
        progress.left = 0
        await consumer.stop()
    return count


async def _fitting(
    consumer: Any,
    partitions: set[TopicPartition],
    starts: Mapping[tuple[str, int], int],
    start_over: Callable[[int], None],
    settings: Settings,
) -> dict[TopicPartition, int]:
    """Where to begin in those partitions whose local copies fit their changelogs."""
    copied = [tp for tp in partitions if (tp.topic, tp.partition) in starts]
    if not copied:
        return {}
    first = await consumer.beginning_offsets(copied)
    last = await ends(consumer, copied, settings)
    begin = {tp: starts[tp.topic, tp.partition] for tp in copied}
    misfits = {tp.partition for tp in copied if not first[tp] <= begin[tp] <= last[tp]}
    for partition in misfits:
        start_over(partition)
    return {tp: start for tp, start in begin.items() if tp.partition not in misfits}
