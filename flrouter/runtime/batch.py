"""Batches: what one look at Kafka brought from one topic travels through Faust as one message.

Faust spends four tasks on a message whatever is in it (docs/faust.md), so a message here holds
hundreds of records under load and one when there is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import faust
from faust.types import TP, AppT, EventT, Message
from faust.types.tuples import ConsumerMessage

from flrouter.kafka.reader import Batch


@dataclass(slots=True)
class Look:
    """One look at Kafka, on its way to the shards."""

    #: how many of its topics have not come to the shards yet.
    topics_left: int


@dataclass(slots=True)
class Fetched:
    """What a look brought from one topic, a batch for each partition."""

    batches: Sequence[Batch]
    look: Look


def as_message(fetched: Fetched, generation_id: int) -> ConsumerMessage:
    """What Faust's conductor hands to the agents; they skip those of another generation."""
    batch = fetched.batches[0]
    timestamp_s = batch.records[0].timestamp / 1000.0 if batch.records else 0.0
    offset, tp = batch.next_offset - 1, TP(*batch.at)
    return ConsumerMessage(
        *tp, offset, timestamp_s, 0, [], None, fetched, None, 0, 0, tp, generation_id=generation_id
    )


class BatchSchema(faust.Schema):
    """Leaves what was fetched as it is: agents read the records themselves."""

    def compile(self, app: AppT[Any], **_: Any) -> Callable[..., Awaitable[EventT[Any]]]:
        """Make the function that turns a message into an event."""

        async def decode(message: Message[Any], *, propagate: bool = False) -> EventT[Any]:
            return app.create_event(None, message.value, message.headers, message)

        return decode
