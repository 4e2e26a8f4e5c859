"""What the API answers, as its OpenAPI document describes it. Times are ms since the epoch."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from flrouter.core.floodlights.sync_status import SyncStatus
from flrouter.core.values.peers import Name, Region
from flrouter.core.values.records import Condition, Count

Row = TypeVar("Row")

#: an FL's condition, or unknown: the worker that has its home reaches no broker.
FloodlightState = Literal[Condition, "unknown"]
RequestState = Literal["held", "sent", "acknowledged", "passing", "gathering", "answered", "failed"]
HoldingMode = Literal["RW", "RO", "GONE"]
Number = Annotated[int, msgspec.Meta(ge=0)]


class Page(msgspec.Struct, Generic[Row]):
    """Some rows of a list, in the order of their keys."""

    items: list[Row]
    #: give it as `after` for the rows that follow; null: there are none.
    next: str | None = None
    #: the workers that should have told of rows, and did not answer.
    missing: list[str] = []
    #: the shards that nobody told of: their rows are not here.
    missing_shards: list[int] = []


class Latency(msgspec.Struct):
    """How long an FL's answers took since the workers started, from command to answer."""

    #: how many took at most as many seconds as `bounds` says, and longer than the one before.
    counts: list[Number]
    bounds: list[float]
    #: seconds, of all together.
    total: float = 0.0


class Floodlight(msgspec.Struct):
    """An FL. `switches`, `pending` and `counts` are of all shards together."""

    id: str
    #: a drained FL in outage is in outage.
    state: FloodlightState
    #: since when, as the shard knows that heard of it last.
    since: Number
    drained: bool
    acks: bool
    region: str
    weight: Number
    #: of its state; a larger one is newer.
    number: Number
    #: whether a sync of it ever came to its end.
    synced: bool
    #: the switches that it speaks for, and all that it holds.
    switches: Number
    holds: Number
    #: commands without an answer.
    pending: Number
    #: what happened to it since the workers started, and how often: docs/metrics.md.
    counts: dict[str, Number]
    latency: Latency
    #: null when its home did not tell.
    sync: SyncStatus | None = None
    #: whether it ever said anything since it was added.
    heard: bool = True


class Holding(msgspec.Struct):
    """That an FL holds a switch."""

    floodlight: str
    #: GONE: it said so while a sync runs, which will tell.
    mode: HoldingMode
    since: Number


class Switch(msgspec.Struct):
    """A switch, and who holds it."""

    id: str
    shard: Number
    #: the FL that speaks for it; empty when none does.
    active: str
    holders: list[Holding]
    #: nobody knows its state: its FLs are in outage.
    unmanaged: bool
    #: an operator chose the active FL.
    pinned: bool
    region: str


class Request(msgspec.Struct):
    """A command, or its part for one switch or FL: where it is, or how it ended."""

    #: its number; a part's ends in the index of the part.
    request: str
    correlation_id: str
    state: RequestState
    shard: int
    #: where the command was first read: `<topic>/<partition>/<offset>`.
    origin: str = ""
    #: empty for a command to several switches or every FL.
    switch: str = ""
    #: the FL that has or had it; empty when none did.
    floodlight: str = ""
    reply_topic: str = ""
    #: when the router took it; 0: nobody knows any more.
    received: Number = 0
    #: when the router will answer it with an error; 0: it has ended.
    due: Number = 0
    #: when it had its answer; 0: it has none, or nobody knows any more.
    ended: Number = 0
    #: what the router answered it with, where its FL did not.
    error: str = ""
    #: until when late answers are dropped; 0: they are not.
    blacklisted: Number = 0
    #: of how many parts, and how many of them have ended.
    parts: Number = 0
    parts_ended: Number = 0


class SwitchDetail(msgspec.Struct):
    """A switch, and what waits for its FL: at most 100 requests."""

    switch: Switch
    pending: list[Request]
    missing: list[str] = []


class FloodlightDetail(msgspec.Struct):
    """An FL."""

    floodlight: Floodlight
    missing: list[str] = []
    missing_shards: list[int] = []


class Trace(msgspec.Struct):
    """All requests that came with one correlation id and are known still, oldest first."""

    correlation_id: str
    requests: list[Request]
    missing: list[str] = []
    missing_shards: list[int] = []
    #: since when all requests that were answered are remembered, and all that failed.
    answered_since: Number = 0
    failed_since: Number = 0


class Series(msgspec.Struct):
    """The last hour in steps. Each list has a number for every step, null where nobody knows it."""

    #: when each step began, and how long all of them are (ms).
    at: list[int]
    step: Number
    #: in the step: commands that were sent to FLs, requests that were answered, and that failed.
    commands: list[Number | None]
    answered: list[Number | None]
    failed: list[Number | None]
    #: at its end: requests without an answer, records in Kafka that are not read.
    pending: list[Number | None]
    lag: list[Number | None]
    #: FLs that were in outage at its end, or within it.
    outages: list[Number | None]
    #: how long FLs' answers took: in each step as many as `bounds` says (s), as in `Latency`.
    latencies: list[list[Number] | None]
    bounds: list[float]
    #: seconds within which half of the answers came, and 95 %; null: none came.
    p50: list[float | None]
    p95: list[float | None]
    missing: list[str] = []


class ShardRow(msgspec.Struct):
    """A shard, and how much it has to do."""

    shard: Number
    worker: str
    switches: Number
    pending: Number
    blacklist: Number
    gathers: Number
    #: records that were read and wait to be decided.
    waiting: Number
    #: full: no more commands are read for it.
    held_back: bool
    #: records in Kafka that it has not read, of all its topics.
    lag: Number


class Worker(msgspec.Struct):
    """A worker of the group."""

    url: str
    shards: list[int]
    #: whether it answered this request; all below is unknown otherwise.
    answering: bool
    ready: bool = False
    #: why not.
    reason: str = ""
    version: str = ""
    started: Number = 0
    lag: Number = 0
    held_back: list[str] = []
    #: what people should see to: a sentence each.
    warnings: list[str] = []


class Me(msgspec.Struct):
    """Who asks, as a proxy or a provider of OpenID Connect says; who shows a token has no name."""

    name: str
    #: an operator may change things as it is.
    role: Literal["nobody", "reader", "operator"]
    #: whether anybody may who shows the token.
    token: bool


class Accepted(msgspec.Struct):
    """What was asked for is in Kafka, and is done in a moment; it may still be refused there."""

    message: str


class Problem(msgspec.Struct):
    """Why not, and what to do."""

    error: str


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing has to be said; `{}` may be."""


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """Which FL is to speak for the switch."""

    floodlight: Name


class Place(msgspec.Struct, forbid_unknown_fields=True):
    """Where the switch is; empty: nowhere special."""

    region: Region


class Prefer(msgspec.Struct, forbid_unknown_fields=True):
    """Where the FL is, and how much it is preferred; what is left out stays as it is."""

    region: Region | None = None
    weight: Count | None = None
