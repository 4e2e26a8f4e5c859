"""Answers and orders of the API, as in its OpenAPI document. Times are ms since the epoch."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

from flrouter.core.floodlights.sync_run import SyncStatus
from flrouter.core.values.peers import Name, Region
from flrouter.core.values.records import Condition, Count
from flrouter.history.record import Number

Row = TypeVar("Row")

#: an FL's condition, or unknown: the worker that has its home reaches no broker.
FloodlightState = Literal[Condition, "unknown"]
RequestState = Literal["held", "sent", "acknowledged", "passing", "gathering", "answered", "failed"]
HoldingMode = Literal["RW", "RO", "GONE"]


class Page(msgspec.Struct, Generic[Row]):
    """Some rows of a list, in the order of their keys."""

    items: list[Row]
    #: give it as `after` for the rows that follow; null: there are none.
    next: str | None = None
    #: workers that may have rows, and did not answer.
    missing: list[str] = []
    #: shards without a worker that answered: their rows are not here.
    missing_shards: list[int] = []


class Latency(msgspec.Struct):
    """How long an FL's answers took since the workers started, from command to answer."""

    #: by bucket, as `bounds` has them (s); the last is for what took longer.
    counts: list[Number]
    bounds: list[float]
    #: seconds, in all.
    total: float = 0.0


class Floodlight(msgspec.Struct):
    """An FL. `switches`, `pending` and `counts` are of all shards together."""

    id: str
    #: a drained FL in outage is in outage.
    state: FloodlightState
    #: since when, as the shard with the newest state knows.
    since: Number
    drained: bool
    acks: bool
    region: str
    weight: Number
    #: counts its states; a larger one is newer.
    number: Number
    #: whether a sync of it was ever completed.
    synced: bool
    #: switches that it is active for, and all that it is connected to.
    switches: Number
    holds: Number
    #: commands without an answer.
    pending: Number
    #: how often each event happened since the workers started: docs/metrics.md.
    counts: dict[str, Number]
    latency: Latency
    #: null if its home did not answer.
    sync: SyncStatus | None = None
    #: whether it ever said anything since it was added.
    heard: bool = True


class Holding(msgspec.Struct):
    """That an FL is connected to a switch."""

    floodlight: str
    #: GONE: reported during a sync, whose end decides.
    mode: HoldingMode
    since: Number


class Switch(msgspec.Struct):
    """A switch, and the FLs that are connected to it."""

    id: str
    shard: Number
    #: the active FL; empty if there is none.
    active: str
    holders: list[Holding]
    #: its state is unknown: its FLs are in outage.
    unmanaged: bool
    #: an operator chose the active FL.
    pinned: bool
    region: str


class Request(msgspec.Struct):
    """A command, or its part for one switch or FL: where it is, or how it ended."""

    #: its number; that of a part ends in the index of the part.
    request: str
    correlation_id: str
    state: RequestState
    shard: int
    #: where the command was first read: `<topic>/<partition>/<offset>`.
    origin: str = ""
    #: empty for a command to several switches or every FL.
    switch: str = ""
    #: the FL that has or had it; empty if none did.
    floodlight: str = ""
    reply_topic: str = ""
    #: when the router took it; 0: unknown.
    received: Number = 0
    #: when the router will answer it with an error; 0: it has ended.
    due: Number = 0
    #: when it was answered; 0: it was not, or unknown.
    ended: Number = 0
    #: the error of the router; empty if its FL answered.
    error: str = ""
    #: until when late answers are dropped; 0: they are not.
    blacklisted: Number = 0
    #: how many parts it has, and how many of them have ended.
    parts: Number = 0
    parts_ended: Number = 0


class SwitchDetail(msgspec.Struct):
    """A switch, and at most 100 requests that wait for its FL."""

    switch: Switch
    pending: list[Request]
    missing: list[str] = []


class FloodlightDetail(msgspec.Struct):
    """An FL."""

    floodlight: Floodlight
    missing: list[str] = []
    missing_shards: list[int] = []


class Trace(msgspec.Struct):
    """All known requests with one correlation id, oldest first."""

    correlation_id: str
    requests: list[Request]
    missing: list[str] = []
    missing_shards: list[int] = []
    #: since when all answered requests are remembered, and all failed ones.
    answered_since: Number = 0
    failed_since: Number = 0


class Series(msgspec.Struct):
    """The last hour in steps. Each list has a number for every step; null: unknown."""

    #: when each step began, and the length of a step (ms).
    at: list[int]
    step: Number
    #: in the step: commands sent to FLs, requests answered, requests failed.
    commands: list[Number | None]
    answered: list[Number | None]
    failed: list[Number | None]
    #: at its end: requests without an answer, unread records in Kafka.
    pending: list[Number | None]
    lag: list[Number | None]
    #: FLs in outage at its end or within it.
    outages: list[Number | None]
    #: how long FLs' answers took, in each step, as in `Latency`.
    latencies: list[list[Number] | None]
    bounds: list[float]
    #: seconds within which half of the answers came, and 95 %; null: none did.
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
    #: records that were read and are not yet decided.
    waiting: Number
    #: it is full: no more commands are read for it.
    held_back: bool
    #: unread records in Kafka, of all its topics.
    lag: Number


class Worker(msgspec.Struct):
    """A worker of the group."""

    url: str
    shards: list[int]
    #: whether it answered this request; otherwise all that follows is unknown.
    answering: bool
    ready: bool = False
    #: why not.
    reason: str = ""
    version: str = ""
    started: Number = 0
    lag: Number = 0
    held_back: list[str] = []
    #: what an operator should look at, a sentence each.
    warnings: list[str] = []


class Me(msgspec.Struct):
    """Who asks, as a proxy or an OpenID Connect provider says. With a token there is no name."""

    name: str
    #: operators may change things without a token.
    role: Literal["nobody", "reader", "operator"]
    #: whether the token allows changes.
    token: bool


class Accepted(msgspec.Struct):
    """The change is written to Kafka and done in a moment; its shard may still refuse it."""

    message: str


class Problem(msgspec.Struct):
    """Why a request was refused, and what to do."""

    error: str


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing, or `{}`."""


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """The FL that is to be active for the switch."""

    floodlight: Name


class Place(msgspec.Struct, forbid_unknown_fields=True):
    """The region of the switch; empty: none."""

    region: Region


class Prefer(msgspec.Struct, forbid_unknown_fields=True):
    """The region and the weight of the FL; what is left out stays as it is."""

    region: Region | None = None
    weight: Count | None = None
