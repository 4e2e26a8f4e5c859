"""Records of the history topic: requests that ended, and what happened to FLs.

The value of a record is a list of `Batch`, as MessagePack. Fields are only ever added at the end of
a class, with a default, so older records stay readable and newer fields are skipped. A format above
:data:`FORMAT` is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated
from zlib import crc32

import msgspec

from flrouter.core.values.effects import End, Happening

#: the format of records written here.
FORMAT = 1
#: bits of an id: of the sequence number within a millisecond, and of the source.
SEQUENCE_BITS, SOURCE_BITS = 10, 11
#: sources from here on are workers; below are shards.
FIRST_WORKER_SOURCE = 1 << (SOURCE_BITS - 1)

Number = Annotated[int, msgspec.Meta(ge=0)]


class Unreadable(ValueError):
    """Not a record of the history, or one of a later release; the text says which."""


#: kinds of events.
EVENTS = {
    "outage": "the FL stopped answering",
    "recovered": "the FL answers again",
    "sync": "a sync of the FL was completed",
    "sync failed": "a sync of the FL failed, or was aborted",
    "moved": "a switch has another active FL",
    "added": "the FL was added",
    "removed": "the FL was removed",
    "drained": "the FL hands over its switches and gets no more",
    "undrained": "the FL takes switches again",
    "order": "somebody changed something, or tried to",
}


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one source reports at one moment."""

    format: int
    #: the URL of the worker that writes it.
    worker: str
    #: a shard, or a worker: see :data:`FIRST_WORKER_SOURCE`.
    source: Annotated[int, msgspec.Meta(ge=0, lt=1 << SOURCE_BITS)]
    #: the number that the ids of this source follow: see :func:`ids`.
    behind: Annotated[int, msgspec.Meta(ge=0, lt=1 << 52)]
    #: when the answers of `ends` were written, and this record with them (ms since the epoch).
    delivered: Annotated[int, msgspec.Meta(ge=0, lt=1 << 42)]
    ends: Sequence[End] = ()
    happenings: Sequence[Happening] = ()


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A request that has ended, or the part of one for one switch or FL.

    Times are in ms since the epoch; 0 if unknown, or if there was no such step.
    """

    #: of this record, as decimal digits; later records have larger ones.
    id: str
    correlation_id: str
    #: the class of its payload; empty if unknown.
    kind: str
    #: canonical id; empty for a command to several switches or every FL.
    switch: str
    #: the FL that had it; empty if none did.
    floodlight: str
    #: the type of the router's error; empty if it was completed.
    error: str
    #: the error in words.
    message: str
    #: the topic of its answer.
    reply_topic: str
    #: where its command was first read: `<topic>/<partition>/<offset>`.
    origin: str
    #: its request number; for a part, the number of its command, a dot and the index of the part.
    number: str = msgspec.field(name="request")
    #: the index of the part; -1: a whole command.
    part: int
    #: how many parts its answer was put together from; 0: it went to one FL.
    parts: Number
    #: the router took the command; sent it to the FL; read the acknowledgement; read the last of
    #: the answer or decided on an error; had the answer written.
    received: Number
    sent: Number
    acked: Number
    answered: Number
    delivered: Number
    #: 32 hex digits; empty if the command had no trace context.
    trace: str
    shard: int
    #: the worker's URL.
    worker: str
    #: how the command and the answer begin, if a setting allows it.
    command: str
    answer: str


class Happened(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to an FL or a switch, or that somebody ordered."""

    id: str
    #: ms since the epoch.
    at: Number
    #: one of :data:`EVENTS`.
    kind: str
    floodlight: str
    switch: str
    #: for people.
    text: str
    #: for an order: who gave it, from which address, and "done" or why it was refused.
    who: str
    source: str
    result: str
    #: for what lasted: when it began (ms).
    began: Number
    worker: str


_decode = msgspec.msgpack.Decoder(list[Batch]).decode
encode = msgspec.msgpack.Encoder().encode


def decode(value: bytes) -> list[Batch]:
    """Read the value of a record.

    Raises:
        Unreadable: it holds no batches, or one in a later format.
    """
    try:
        batches = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"not a record of the history: {error}") from error
    latest = max((batch.format for batch in batches), default=FORMAT)
    if latest > FORMAT:
        raise Unreadable(f"format {latest} is of a later release: this one reads up to {FORMAT}")
    return batches


def said(worker: str, happening: Happening) -> bytes:
    """The value of a record about one happening, written by a worker or the command line."""
    source = worker_source(worker)
    return encode([Batch(FORMAT, worker, source, 0, happening.at, (), (happening,))])


def ids(behind: int, source: int, times: list[int]) -> Iterator[int]:
    """The ids of what a source reports, in its order.

    From the highest bit on, an id is the time in ms, a sequence number and the source. So ids are
    in the order of time, and a record that is read twice has the same ids. A full millisecond runs
    on into the next.

    Args:
        behind: the last time and sequence number that the source has used.
        times: when each ended (ms since the epoch).
    """
    for time in times:
        behind = next_behind(behind, time)
        yield behind << SOURCE_BITS | source


def next_behind(behind: int, time: int) -> int:
    """The next time and sequence number of a source, for what ended at `time` (ms)."""
    return max(behind + 1, time << SEQUENCE_BITS)


def worker_source(worker: str) -> int:
    """The source of what a worker itself reports; two workers rarely share one."""
    return FIRST_WORKER_SOURCE + crc32(worker.encode()) % FIRST_WORKER_SOURCE


def first_id(time: int) -> int:
    """The smallest id of what ended at `time` (ms)."""
    return max(time, 0) << SEQUENCE_BITS + SOURCE_BITS


def time_of(identity: int) -> int:
    """When (ms) the record with this id ended, or a little earlier."""
    return identity >> SEQUENCE_BITS + SOURCE_BITS


def ended(batch: Batch) -> Iterator[Ended]:
    """The requests in a batch."""
    numbers = ids(batch.behind, batch.source, [end.ended for end in batch.ends])
    for identity, end in zip(numbers, batch.ends, strict=True):
        error, _, message = end.error.partition(": ")
        _, _, part = end.number.rpartition(".")
        is_part = end.number.count(".") == 3 and part.isdecimal()
        fields = msgspec.structs.asdict(end)
        del fields["ended"]
        own = {
            "id": str(identity),
            "error": error,
            "message": message,
            "part": int(part) if is_part else -1,
            "answered": end.ended,
            "delivered": batch.delivered,
            "trace": end.trace[3:35].decode("ascii", "replace"),
            "shard": batch.source,
            "worker": batch.worker,
            "command": end.command.decode("utf-8", "replace"),
            "answer": end.answer.decode("utf-8", "replace"),
        }
        yield Ended(**fields | own)


def happened(batch: Batch) -> Iterator[Happened]:
    """The events in a batch."""
    numbers = ids(batch.behind, batch.source, [event.at for event in batch.happenings])
    for identity, event in zip(numbers, batch.happenings, strict=True):
        yield Happened(id=str(identity), worker=batch.worker, **msgspec.structs.asdict(event))
