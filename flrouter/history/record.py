"""A record of the history topic: what ended in batches of shards, and what happened to FLs.

The value is a list of `Batch`, each an array of MessagePack whose first element is the format;
whoever reads a format that is newer than :data:`FORMAT` leaves the record alone. Fields are only
ever added at the end, with a default: an older record stays readable, of a newer one is read what
is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated
from zlib import crc32

import msgspec

from flrouter.core.values.effects import End, Happening

#: of the records that are written here.
FORMAT = 1
#: bits of an id that tell apart what ended in one millisecond, and below them the source.
SEQUENCE_BITS, SOURCE_BITS = 10, 11
#: the source of what a worker says itself, and not one of its shards; a number below is a shard.
FIRST_WORKER_SOURCE = 1 << (SOURCE_BITS - 1)

#: a time (ms since the epoch), or what is counted; 0: nobody knows.
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 42)]


class Unreadable(ValueError):
    """A record of the topic that is none of ours, or of a later release; the text says which."""


#: kinds of events, and what they mean.
EVENTS = {
    "outage": "the FL stopped answering",
    "recovered": "the FL answers again",
    "sync": "a sync of the FL was completed",
    "sync failed": "a sync of the FL failed, or was given up",
    "moved": "a switch has another active FL",
    "added": "the FL was added",
    "removed": "the FL was removed",
    "drained": "the FL gets no more switches, and hands over those that it has",
    "undrained": "the FL takes switches again",
    "order": "somebody changed something, or tried to",
}


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """All that one source has to say at one moment."""

    format: int
    #: the worker that says so: its URL.
    worker: str
    #: a shard, or from :data:`FIRST_WORKER_SOURCE` on a worker.
    source: Annotated[int, msgspec.Meta(ge=0, lt=1 << SOURCE_BITS)]
    #: ids of this source begin behind this number: see :func:`ids`.
    behind: Annotated[int, msgspec.Meta(ge=0, lt=1 << 52)]
    #: ms since the epoch: when the answers of `ends` were written, and with them this record.
    delivered: Count
    ends: Sequence[End] = ()
    happenings: Sequence[Happening] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that has ended, or the part of one for one switch or FL.

    Times are in ms since the epoch; 0 where nobody knows, or where there was no such step.
    """

    #: of this record, as decimal digits; later records have larger ones.
    id: str
    correlation_id: str
    #: the class of its payload; empty where nobody knows.
    kind: str = ""
    #: canonical id; empty for a command to several switches or every FL.
    switch: str = ""
    #: the FL that had it; empty when none did.
    floodlight: str = ""
    #: the type of the error that the router answered it with; empty when it was completed.
    error: str = ""
    #: the error in words.
    message: str = ""
    #: where its answer went.
    reply_topic: str = ""
    #: where its command was first read: `<topic>/<partition>/<offset>`.
    origin: str = ""
    #: its request number; a part's is its command's, a dot and the index of the part.
    number: str = ""
    #: which part of its command it is; -1: it is a whole command.
    part: int = -1
    #: of how many parts it was put together; 0: it went to one FL.
    parts: int = 0
    #: the router took the command; gave it to the FL; read its acknowledgement; read the last of
    #: its answer or decided on an error; had the answer written.
    received: int = 0
    sent: int = 0
    acked: int = 0
    answered: int = 0
    delivered: int = 0
    #: 32 hex digits; empty where the command came without a trace.
    trace: str = ""
    shard: int = 0
    worker: str = ""
    #: the first bytes of command and answer, where the router's setting allows it.
    command: bytes = b""
    answer: bytes = b""

    @property
    def completed(self) -> bool:
        """Whether its FL answered it."""
        return not self.error


class Happened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, as it is kept: see
    :class:`~flrouter.core.values.effects.Happening`.
    """

    id: str
    at: int
    kind: str
    floodlight: str = ""
    switch: str = ""
    text: str = ""
    who: str = ""
    source: str = ""
    result: str = ""
    began: int = 0
    worker: str = ""


_decode = msgspec.msgpack.Decoder(list[Batch]).decode
encode = msgspec.msgpack.Encoder().encode


def decode(value: bytes) -> list[Batch]:
    """Read the value of a record.

    Raises:
        Unreadable: it has no batches, or one of a format that only a later release knows.
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
    """The value of a record with which somebody who is no shard tells of one happening."""
    at = happening.at
    return encode([Batch(FORMAT, worker, worker_source(worker), 0, at, (), (happening,))])


def ids(behind: int, source: int, times: list[int]) -> Iterator[int]:
    """The ids of what a source tells, in the order in which it tells it.

    An id is the time in ms, a sequence number within it, and the source, from the highest bit on.
    So ids are in the order of time, an index is by time without having it, and a record that is
    read twice has the same ids. More than a millisecond has numbers for run on into the next.

    Args:
        behind: time and sequence number that the source had used up before.
        source: who tells it.
        times: when each ended (ms).
    """
    for time in times:
        behind = next_behind(behind, time)
        yield behind << SOURCE_BITS | source


def next_behind(behind: int, time: int) -> int:
    """Time and sequence number of what comes behind these, and ended at `time` (ms)."""
    return max(behind + 1, time << SEQUENCE_BITS)


def worker_source(worker: str) -> int:
    """The source of what a worker says itself; two workers rarely have the same one."""
    return FIRST_WORKER_SOURCE + crc32(worker.encode()) % FIRST_WORKER_SOURCE


def first_id(time: int) -> int:
    """The smallest id of what ended at `time` (ms)."""
    return max(time, 0) << SEQUENCE_BITS + SOURCE_BITS


def time_of(identity: int) -> int:
    """When (ms) what has this id ended, or a little earlier."""
    return identity >> SEQUENCE_BITS + SOURCE_BITS


def requests(batch: Batch) -> Iterator[Request]:
    """The requests that a batch tells of."""
    numbers = ids(batch.behind, batch.source, [end.ended for end in batch.ends])
    for identity, end in zip(numbers, batch.ends, strict=True):
        error, _, message = end.error.partition(": ")
        _, _, part = end.number.rpartition(".")
        is_part = end.number.count(".") == 3 and part.isdecimal()
        yield Request(
            id=str(identity),
            correlation_id=end.correlation_id,
            kind=end.kind,
            switch=end.switch,
            floodlight=end.floodlight,
            error=error,
            message=message,
            reply_topic=end.reply_topic,
            origin=end.origin,
            number=end.number,
            part=int(part) if is_part else -1,
            parts=end.parts,
            received=end.received,
            sent=end.sent,
            acked=end.acked,
            answered=end.ended,
            delivered=batch.delivered,
            trace=end.trace[3:35].decode("ascii", "replace"),
            shard=batch.source,
            worker=batch.worker,
            command=end.command,
            answer=end.answer,
        )


def happened(batch: Batch) -> Iterator[Happened]:
    """The events that a batch tells of."""
    numbers = ids(batch.behind, batch.source, [event.at for event in batch.happenings])
    for identity, event in zip(numbers, batch.happenings, strict=True):
        yield Happened(id=str(identity), worker=batch.worker, **msgspec.structs.asdict(event))
