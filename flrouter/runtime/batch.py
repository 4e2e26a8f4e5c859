"""Batches: what one look at Kafka brought from one topic travels through Faust as one message.

Faust spends four tasks on a message whatever is in it (docs/faust.md), so a message here holds
hundreds of records under load and one when there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from flrouter.kafka.reader import Batch


class Look:
    """One look at Kafka, on its way to the shards."""

    def __init__(self, topics: int) -> None:
        """Args:
        topics: how many topics it brought something from.
        """
        self._left = topics

    def arrived(self) -> bool:
        """All of one topic lies with the shards; whether that was the last."""
        self._left -= 1
        return self._left == 0


class Fetched:
    """What a look brought from one topic, a batch for each partition."""

    __slots__ = ("batches", "look")

    def __init__(self, batches: Sequence[Batch], look: Look) -> None:
        self.batches = batches
        self.look = look

    @property
    def topic(self) -> str:
        """From where."""
        return self.batches[0].at.topic


def as_message(fetched: Fetched, generation_id: int) -> ConsumerMessage:
    """What Faust's conductor hands to the agents; they skip those of another `generation_id`.

    Args:
        fetched: of one topic.
        generation_id: of the consumer group.
    """
    batch = fetched.batches[0]
    timestamp_s = batch.records[0].timestamp / 1000.0 if batch.records else 0.0
    return ConsumerMessage(
        batch.at.topic,
        batch.at.number,
        batch.next_offset - 1,
        timestamp_s,
        0,
        [],
        None,
        fetched,
        None,
        0,
        0,
        TP(*batch.at),
        generation_id=generation_id,
    )


class BatchSchema(faust.Schema):
    """Leaves what was fetched as it is: agents read the records themselves."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Make the function that turns a message into an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode
