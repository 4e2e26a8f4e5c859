"""The ports: all that the runtime's decisions need of Kafka, and nothing of any client.

Nothing here blocks and nothing is awaited. What takes time is asked for with a callback, which is
called once, later, in the same thread, never from within the call that asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from flrouter.core.values.effects import Headers, Send


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Start(NamedTuple):
    """From where on a partition is read."""

    offset: int
    #: what is read from there is tagged with it.
    term: int


class Record(NamedTuple):
    """A record that was read."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    #: ms since the epoch.
    timestamp: int = 0


class OffsetRange(NamedTuple):
    """Where the records of one write lie in one partition."""

    #: the offset of the first of them, and the one after the last.
    first: int
    next: int
    #: how many they are; fewer than `next - first` when others wrote in between.
    records: int
    #: whether a transaction's marker comes before the writer's next record.
    marked: bool = False


class Refusal(NamedTuple):
    """A record that no broker will ever take."""

    send: Send
    why: str
    #: whether something else may be written to its topic.
    topic_exists: bool


@dataclass(slots=True)
class Written:
    """What became of the records of one write: each is durable, or refused."""

    ranges: dict[Partition, OffsetRange] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


#: an offset in each partition: the next one to read, or where it ends.
Offsets = Mapping[Partition, int]
#: takes True for yes, False for no, None when the coordinator does not answer.
Answer = Callable[[bool | None], None]
#: takes offsets; None when a broker does not answer.
OffsetsAnswer = Callable[[Offsets | None], None]
#: writes records, and tells when each is durable or refused.
Write = Callable[[Sequence[Send], Callable[[Written], None]], None]
#: takes rows of one changelog partition.
TakeRows = Callable[[Partition, Sequence[Record]], None]


class Group(Protocol):
    """The consumer group, of which this worker is a member; it deals the shards."""

    def prove(self, done: Answer) -> None:
        """Ask whether the coordinator knows this worker under its generation."""

    def commit(self, offsets: Offsets, done: Answer) -> None:
        """Commit the next offsets to read; True proves membership at the moment of this call.

        Commits happen in the order of the calls.
        """

    def committed(self, partitions: Collection[Partition], done: OffsetsAnswer) -> None:
        """What the group has committed, once no transaction of it is undecided.

        A partition without a committed offset is left out.
        """

    def released(self) -> None:
        """All is let go of, as it was asked for."""

    def deal_again(self) -> None:
        """We hold less than we told: the group is to deal anew."""

    def rejoin(self) -> None:
        """Leave the group, and join it anew."""


class Transaction(Protocol):
    """Makes an owner's work durable as a whole, under a name that one worker has at a time."""

    def open(self, done: Callable[[str | None], None]) -> None:
        """Fence whoever had the name before; what went wrong, or None."""

    def commit(
        self, sends: Sequence[Send], offsets: Offsets, done: Callable[[Written | str], None]
    ) -> None:
        """Write records and commit offsets, all or nothing.

        `done` gets where the records lie; or which are refused, and then none was written; or, as
        text, why it is not known what was written.
        """

    def close(self) -> None:
        """Let go of the name. Whatever is under way is not told any more."""


class Log(Protocol):
    """All that is read and written."""

    def read(self, starts: Mapping[Partition, Start]) -> None:
        """From now on read these partitions, each from its start, and no others.

        One that was read from the same start before goes on where it is.
        """

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write records, and try until each is durable or refused.

        Per partition in the order of the calls: no record is appended before each earlier one was.
        A record may be appended more than once.
        """

    def abandon(self) -> None:
        """Whatever is not durable by now should not be written any more, and is not told of."""

    def replay(
        self, starts: Offsets, ends: Offsets, take: TakeRows, done: Callable[[bool], None]
    ) -> None:
        """Read what lies from each start up to its end, in order per partition.

        `done(False)`: a broker did not answer, or `take` raised: some of it was not handed over.
        """

    def ends(self, partitions: Collection[Partition], done: OffsetsAnswer) -> None:
        """The offset after the last record of each."""

    def transaction(self, name: str, prove: Callable[[Answer], None]) -> Transaction:
        """The transactions of this name; whoever opens it last has it.

        `prove` asks the group whether this worker is a member still. Who is none must not take the
        name again: that would fence whoever has it by now.
        """


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""

    def steady_s(self) -> float:
        """Seconds since some moment; never set back, and goes on while the machine sleeps."""
