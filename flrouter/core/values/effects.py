"""Effects: what a shard decided. Performing them is the runtime's job alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from flrouter.core.values.events import Event
from flrouter.messages.trace import Trace

#: of a record; a value may be null.
Headers = Sequence[tuple[str, bytes | None]]


def size_of(headers: Headers) -> int:
    """The bytes of record headers."""
    return sum(len(name) + len(value or b"") for name, value in headers) if headers else 0


class Answering(msgspec.Struct, frozen=True, gc=False):
    """The request that a record answers: without the record it would never have an answer."""

    correlation_id: str
    #: where its command was first read, as text.
    origin: str
    #: where an error in the record's place goes; empty: where the record should have gone.
    topic: str = ""
    #: that error in the requester's own form; empty if that is an `ErrorMessage`.
    draft: bytes = b""


class Send(msgspec.Struct, gc=False):
    """A record to write. `partition` None leaves it to Kafka's default partitioner."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    #: the request that it answers, which gets an error if the broker refuses this record.
    answers: Answering | None = None


class CatchUp(msgspec.Struct, frozen=True):
    """Asks for a :class:`~flrouter.core.values.inputs.CaughtUp` once all that lies in an FL's write
    topics now has been read, with what other shards sent here because of it.
    """

    token: int
    floodlight: str


class Fault(msgspec.Struct, frozen=True, gc=False):
    """A record that could not be handled: it was answered with an error, or kept."""

    text: str
    #: where it was first read, as text.
    origin: str
    #: empty if unknown.
    correlation_id: str = ""
    #: kept as a dead letter.
    kept: bool = False


class Span(msgspec.Struct, frozen=True, gc=False):
    """A traced command that ended here."""

    #: the trace that its requester named.
    trace: Trace
    correlation_id: str
    #: where it was first read, as text; the span's id is made from it.
    origin: str
    #: ms since the epoch: when it was first read into its home.
    start: int
    switch: str = ""
    floodlight: str = ""
    #: the type of the error that answered it; empty if its FL answered.
    error: str = ""


class End(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A request has had its final answer. Times are in ms since the epoch."""

    #: its request number.
    number: str
    correlation_id: str
    #: where its command was first read, as text.
    origin: str
    #: empty where there is none.
    switch: str
    #: the FL that had it; empty if none did.
    floodlight: str
    reply_topic: str
    received: int
    ended: int
    #: the router's error; empty if its FL answered.
    error: str = ""
    # -- for the history only
    #: the class of the command's payload.
    kind: str = ""
    #: when it went to its FL, and when the FL acknowledged it; 0: never.
    sent: int = 0
    acked: int = 0
    #: the `traceparent` that it came with.
    trace: bytes = b""
    #: how many parts its answer was put together from.
    parts: int = 0
    #: the first bytes of command and answer, if they may be kept.
    command: bytes = b""
    answer: bytes = b""


class Happening(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """For the history: what happened to an FL or a switch, or what somebody ordered."""

    #: ms since the epoch.
    at: int
    #: one of the kinds in `flrouter/history/record.py`.
    kind: str
    floodlight: str = ""
    switch: str = ""
    #: for people to read.
    text: str = ""
    #: an order: who gave it, from which address, and "done" or why it was refused.
    who: str = ""
    source: str = ""
    result: str = ""
    #: something that lasted: when it began.
    began: int = 0


@dataclass(slots=True, eq=False)
class Effects:
    """All that follows from one batch."""

    #: how many inputs they follow from; filled in by the caller of `decide`.
    inputs: int = 0
    sends: list[Send] = field(default_factory=list)
    catch_up: list[CatchUp] = field(default_factory=list)
    #: requests that have had their answer.
    ends: list[End] = field(default_factory=list)
    #: (event, label) → how often, for the metrics.
    counts: Counter[tuple[Event, str]] = field(default_factory=Counter)
    #: the tables must be durable before anything that follows is.
    checkpoint: bool = False
    #: an FL came or went: the topics to read have changed.
    membership_changed: bool = False
    #: lines for the operator's log.
    notes: list[str] = field(default_factory=list)
    #: lines about single commands, of which there may be many.
    faults: list[Fault] = field(default_factory=list)
    #: commands of traces that ended; empty unless traces are made.
    spans: list[Span] = field(default_factory=list)
    #: what happened to FLs and switches; empty unless a history is written.
    happenings: list[Happening] = field(default_factory=list)
