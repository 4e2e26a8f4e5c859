"""Batches of the history, made for tests."""

from __future__ import annotations

from typing import Any

from flrouter.core.values.effects import End, Happening
from flrouter.history.record import FORMAT, SEQUENCE_BITS, Batch

#: ms since the epoch: 2026-11-28, 00:00 UTC.
MIDNIGHT = 1_795_824_000_000
DAY_MS = 86_400_000


def end(ended: int = MIDNIGHT, **others: Any) -> End:
    """A request that ended, completed unless an error is given."""
    fields: dict[str, Any] = {
        "number": "c0ffee00.1.7",
        "correlation_id": "op-17",
        "origin": "kilda.speaker/1/7",
        "switch": "00:00:00:00:00:00:00:01",
        "floodlight": "fl-1",
        "reply_topic": "kilda.flow",
        "received": ended - 10,
    }
    return End(**(fields | others), ended=ended)


def batch(
    *ends: End, events: list[Happening] | None = None, source: int = 3, behind: int = 0
) -> Batch:
    """What a shard has to say."""
    first = min([one.ended for one in ends] + [one.at for one in events or ()])
    return Batch(
        FORMAT,
        "http://worker-1:6066",
        source,
        behind or (first << SEQUENCE_BITS) - 1,
        max([one.ended for one in ends], default=first) + 2,
        list(ends),
        events or [],
    )
