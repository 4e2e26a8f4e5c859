"""The records that the tables hold; each is an array of MessagePack in its changelog.

Fields are only ever added at the end, with a default: an older changelog must stay readable.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, ClassVar, Literal

import msgspec

from flrouter.core.values.effects import Headers, size_of

#: a time (ms) or a counter, far below MessagePack's largest number.
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
#: the largest time (ms) that a shard believes: the next number must still be larger.
MAX_TIME_MS = 1 << 52
#: where a command was first read, as text.
Place = Annotated[str, msgspec.Meta(pattern=r"/[0-9]{1,10}/[0-9]{1,19}\Z")]
#: what has become of an FL.
Condition = Literal["up", "drained", "outage", "removed"]


class Stage(IntEnum):
    """How far a pending request has come."""

    #: no FL holds the switch, and the first sync has not said that none does.
    HELD = 0
    #: with an FL that has not acknowledged it.
    SENT = 1
    #: with an FL that has.
    ACKED = 2
    #: answers are passed on one by one; nothing is owed any more.
    PASSING = 3


class Steps(msgspec.Struct, array_like=True, gc=False):
    """What a request keeps of itself for the history."""

    #: the class of its payload, without the package.
    kind: str = ""
    #: ms since the epoch: when it went to its FL, and when that acknowledged it; 0: not yet.
    sent: Count = 0
    acked: Count = 0
    #: the first bytes of its command, if they may be kept.
    command: bytes = b""


class Pending(msgspec.Struct, array_like=True, gc=False):
    """A request that has no final answer yet. Key: its request number."""

    floodlight: str
    #: the requester's own.
    correlation_id: str
    reply_topic: str
    #: canonical id; empty for a command to every FL.
    switch: str
    #: where the command was first read, as text.
    origin: Place
    #: ms since the epoch: when the deadline that counts now runs out.
    due: Count
    stage: Stage
    #: of a chain that has begun: all links below `next_index` have come, and those in `ahead`.
    total: int = -1
    next_index: int = 0
    ahead: list[int] = []
    #: an old-form chain goes on under this id.
    next_id: str | None = None
    #: while it is held: the command itself, and its record headers.
    command: bytes = b""
    headers: Headers = ()
    #: of a part: the home of its command, which gets the answer; else -1.
    gather: int = -1
    #: ms since the epoch: when its home first took it.
    received: Count = 0
    #: the `traceparent` that it came with.
    trace: bytes = b""
    #: an error in the requester's own form; empty if that is an `ErrorMessage`.
    draft: bytes = b""
    #: None unless a history is written.
    steps: Steps | None = None
    #: only a gather has parts.
    parts: ClassVar[int] = 0

    @classmethod
    def single(
        cls, correlation_id: str, reply_topic: str, switch: str, origin: str, received: int
    ) -> Pending:
        """A command to one switch; or, with none, one that becomes parts or copies."""
        held = Stage.HELD
        return cls("", correlation_id, reply_topic, switch, origin, 0, held, received=received)

    @classmethod
    def copy(
        cls, floodlight: str, correlation_id: str, reply_topic: str, origin: str, received: int
    ) -> Pending:
        """An FL's copy of a command to every FL, whose answers are passed on one by one."""
        sent = Stage.SENT
        return cls(floodlight, correlation_id, reply_topic, "", origin, 0, sent, received=received)

    @classmethod
    def part(
        cls, gather: int, correlation_id: str, origin: str, received: int, switch: str = ""
    ) -> Pending:
        """A part of a command that the shard `gather` answers, for a switch or for an FL."""
        held = Stage.HELD
        return cls(
            "", correlation_id, "", switch, origin, 0, held, gather=gather, received=received
        )

    @property
    def is_part(self) -> bool:
        """Whether another shard answers the command that it is a part of."""
        return self.gather >= 0

    @property
    def passes(self) -> bool:
        """Whether it is a command to every FL whose answers are passed on one by one."""
        return not self.switch and not self.is_part

    @property
    def size(self) -> int:
        """Bytes of what the requester chose: its id, its command, its headers."""
        command = len(self.command) + size_of(self.headers)
        return len(self.correlation_id) + len(self.draft) + command

    @property
    def begun(self) -> bool:
        """Whether part of a chain has gone out already."""
        return self.total >= 0 or self.next_id is not None


class Barred(msgspec.Struct, array_like=True, gc=False):
    """A blacklist entry: the request was answered with an error. Key: its request number."""

    #: ms since the epoch.
    expires: Count
    floodlight: str
    correlation_id: str
    #: of a part: its `ErrorData`, told again if the part comes again.
    error: bytes = b""


class Mode(IntEnum):
    """How an FL holds a switch."""

    #: lost while a sync runs; remembered until the sync is over.
    GONE = 0
    #: connected, without the right to change it (ADDED).
    RO = 1
    #: connected as its master (ACTIVATED).
    RW = 2


class Holder(msgspec.Struct, array_like=True):
    """That one FL holds one switch."""

    mode: Mode
    #: the sync that ran when the last live event came, and the last sync that listed it.
    live: Count = 0
    listed: Count = 0
    #: ms since the epoch: when it became so.
    since: Count = 0
    #: both ends of the connection, as JSON; kept if listeners are told of connections.
    addresses: bytes = b""


class Switch(msgspec.Struct, array_like=True):
    """Who holds a switch. Key: its canonical id."""

    holders: dict[str, Holder] = {}
    #: the FL that speaks for it and, if it is RW, gets its commands; empty: none.
    active: str = ""
    #: listeners were told that nobody knows its state.
    unmanaged: bool = False
    #: an operator chose the active FL, so preferences do not move it.
    pinned: bool = False
    #: where it is, in the operator's words; FLs of the same region are preferred.
    region: str = ""
    #: what listeners were told of its connections, and of its master, in that form.
    told: dict[str, Mode] = {}
    told_master: str = ""


class Floodlight(msgspec.Struct, array_like=True):
    """What a shard knows of an FL; the FL's home tells the others. Key: the FL's id."""

    #: the home gives each state a larger one.
    number: Count = 0
    known: bool = False
    up: bool = False
    acks: bool = True
    #: the sync that runs (0: none), and whether one ever came to its end.
    syncing: Count = 0
    synced: bool = False
    #: the home's own: the last sync attempt, and since when the FL is in this state (ms).
    attempt: Count = 0
    since: Count = 0
    #: the home's own: a sync was begun, and none has come to an end since.
    owed: bool = False
    #: an operator wants its switches elsewhere.
    drained: bool = False
    #: where it is, and how much it is preferred among those of one region.
    region: str = ""
    weight: Count = 100
    #: the home's own: the correlation id of a requester who is owed a sync; empty: nobody.
    owed_to: str = ""
    #: the home's own: the correlation ids of others who are.
    owed_more: list[str] = []
    #: whether it ever said anything since it was added.
    heard: bool = False

    @property
    def condition(self) -> Condition:
        """One word for it; a drained FL in outage is in outage."""
        if not self.known:
            return "removed"
        if not self.up:
            return "outage"
        return "drained" if self.drained else "up"


class OldLink(msgspec.Struct, array_like=True):
    """An old-form link's id. Key: the id.

    Either the request is known (`number`) and the link is awaited; or the link came first, and
    waits in `orphans` (FL, bytes, headers) until the link before it says which request it is for.
    """

    due: Count
    floodlight: str = ""
    number: str = ""
    owner: int = -1
    orphans: list[tuple[str, bytes, Headers]] = []


class Gather(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A command of which parts went to several switches or FLs. Key: its request number."""

    #: the requester's own.
    correlation_id: str
    reply_topic: str
    #: where the command was first read, as text.
    origin: Place
    #: the class of its payload, by which the catalog knows how to answer.
    kind: str
    #: ms since the epoch: when unanswered parts fail; once answered, when it is forgotten.
    due: Count
    #: whom the parts went to, in request order: FLs, or switch ids of 8 bytes each (0: a bad one).
    switches: bytes = b""
    floodlights: list[str] = []
    #: its answer went out; it stays for a while, to be known if it is read again.
    answered: bool = False
    #: ms since the epoch: when its home first took it.
    received: Count = 0
    #: the `traceparent` that it came with.
    trace: bytes = b""
    #: an error in the requester's own form; empty if that is an `ErrorMessage`.
    draft: bytes = b""
    #: None unless a history is written.
    steps: Steps | None = None
    #: it is for no single switch, and at no single FL.
    switch: ClassVar[str] = ""
    floodlight: ClassVar[str] = ""

    @classmethod
    def of(cls, command: Pending, kind: str) -> Gather:
        """A command that becomes parts; `kind` is the class of its payload."""
        gather = cls(command.correlation_id, command.reply_topic, command.origin, kind, 0)
        gather.received, gather.trace = command.received, command.trace
        gather.draft, gather.steps = command.draft, command.steps
        return gather

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.floodlights) or len(self.switches) // 8


class Part(msgspec.Struct, array_like=True, tag=True, gc=False):
    """What came back for a part. Key: its command's number, its index, and which link it is."""

    ok: bool
    #: links of its chain; -1 until that is known; 0: a whole answer in one message.
    total: int
    #: the bytes of the FL's own payload, or of an `ErrorData`.
    payload: bytes
    #: what the command had in the place of a switch id.
    given: str = ""
