"""Batches: what one fetch brought from one partition travels through Faust as one message.

Faust spends four tasks on a message whatever is in it (docs/faust.md), so a message here holds
hundreds of records under load and one when there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust
from faust.types import TP
from faust.types.tuples import ConsumerMessage


class Batch:
    """Records of one partition, in order."""

    __slots__ = ("generation", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Any], generation: int) -> None:
        self.tp = tp
        #: aiokafka's ConsumerRecord, never none of them.
        self.records = records
        #: of the shards' ownership; a batch of an older one is dropped, for it will be read again.
        self.generation = generation

    @property
    def next_offset(self) -> int:
        """The offset after its last record."""
        return int(self.records[-1].offset) + 1


def as_message(batch: Batch, generation_id: int) -> ConsumerMessage:
    """What Faust's conductor hands to the agents; they skip those of another `generation_id`."""
    first = batch.records[0]
    return ConsumerMessage(
        batch.tp.topic,
        batch.tp.partition,
        first.offset,
        first.timestamp / 1000.0,
        first.timestamp_type,
        [],
        None,
        batch,
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
