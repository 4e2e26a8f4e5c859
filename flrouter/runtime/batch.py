"""Batches: what one fetch brought from one topic travels through Faust as one message.

Faust spends four tasks on a message whatever is in it (docs/faust.md), so a message here holds
hundreds of records under load and one when there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import faust
from faust.types import TP
from faust.types.tuples import ConsumerMessage


class Fetch:
    """The batches that one fetch brought, on their way to the shards."""

    def __init__(self, batches: int) -> None:
        self._not_fed = self._not_taken = batches
        self._all_taken = asyncio.Event()

    def feed(self) -> bool:
        """One of them lies with its shard, or is dropped; whether that was the last."""
        self._not_fed -= 1
        return self._not_fed == 0

    def take(self) -> None:
        """A shard has begun to work on one of them, or it is dropped."""
        self._not_taken -= 1
        if self._not_taken == 0:
            self._all_taken.set()

    async def taken(self, timeout: float) -> None:
        """Return when shards work on all of them, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._all_taken.wait()


class Batch:
    """Records of one partition, in order."""

    __slots__ = ("fetch", "generation", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Any], generation: int, fetch: Fetch) -> None:
        self.tp = tp
        self.fetch = fetch
        #: aiokafka's, each with offset, timestamp, key, value and headers; never none of them.
        self.records = records
        #: of the shards' ownership; a batch of an older one is dropped, for it will be read again.
        self.generation = generation

    @property
    def next_offset(self) -> int:
        """The offset after its last record."""
        return int(self.records[-1].offset) + 1


def as_message(batches: Sequence[Batch], generation_id: int) -> ConsumerMessage:
    """What Faust's conductor hands to the agents; they skip those of another `generation_id`.

    Args:
        batches: of one topic, one for each partition that brought something.
        generation_id: of the consumer group.
    """
    batch = batches[0]
    first = batch.records[0]
    return ConsumerMessage(
        batch.tp.topic,
        batch.tp.partition,
        first.offset,
        first.timestamp / 1000.0,
        first.timestamp_type,
        [],
        None,
        batches,
        None,
        0,
        0,
        batch.tp,
        generation_id=generation_id,
    )


class BatchSchema(faust.Schema):
    """Leaves a batch as it is: agents read the records themselves."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Make the function that turns a message into an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode
