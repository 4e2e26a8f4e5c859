"""What is asked of the history, and what it answers. Times are ms since the epoch, 0: unknown."""

from __future__ import annotations

from typing import Annotated

import msgspec

from flrouter.core.values.records import MAX_TIME_MS
from flrouter.history.search import MAX_LIMIT, MIN_PART
from flrouter.web.calls.shapes import Number

_Time = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME_MS)]
_Since = Annotated[_Time, msgspec.Meta(description="Only from then on (ms).")]
_Until = Annotated[_Time, msgspec.Meta(description="Only before then (ms); 0: until now.")]
_Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many rows at most.")]
_After = Annotated[
    str,
    msgspec.Meta(pattern=r"\A[0-9]{0,19}\Z", description="The `next` of the page before."),
]
_Floodlight = Annotated[str, msgspec.Meta(description="Only those at this FL.")]
_Switch = Annotated[str, msgspec.Meta(description="Only those of this switch.")]


class Span(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Of a request for a page of the past, newest first."""

    since: _Since = 0
    until: _Until = 0
    limit: _Limit = 100
    after: _After = ""


class PastRequests(Span, kw_only=True):
    """Which requests that have ended; `since` and `until` are of their ends."""

    switch: _Switch = ""
    floodlight: _Floodlight = ""
    error: Annotated[
        str, msgspec.Meta(description="Only those that failed so, as NOT_FOUND; any: all failed.")
    ] = ""
    completed: Annotated[bool, msgspec.Meta(description="Only those that did not fail.")] = False
    kind: Annotated[str, msgspec.Meta(description="Only those of this class of payload.")] = ""
    correlation_id: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"\A(.{{{MIN_PART},}})?\Z",
            description=f"Only those whose correlation id has this part, of {MIN_PART} characters"
            " or more, in upper or lower case.",
        ),
    ] = ""


class PastEvents(Span, kw_only=True):
    """Which events."""

    switch: _Switch = ""
    floodlight: _Floodlight = ""
    kind: Annotated[str, msgspec.Meta(description="Only those of this kind, as outage.")] = ""
    who: Annotated[str, msgspec.Meta(description="Only what they ordered.")] = ""


class PastRequest(msgspec.Struct, forbid_unknown_fields=True):
    """One request: its `id` stands in the path."""

    limit: Annotated[
        int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many of its parts at most.")
    ] = MAX_LIMIT


class Ended(msgspec.Struct):
    """A request that has ended, or the part of one for one switch or FL."""

    #: of this row; later ones have larger ones.
    id: str
    correlation_id: str
    #: its number, as in `/requests`; a part's ends in the index of the part.
    request: str
    #: the class of its payload.
    kind: str
    #: empty for a command to several switches or every FL.
    switch: str
    #: the FL that had it; empty when none did.
    floodlight: str
    #: the type of the error that the router answered it with; empty: it was completed.
    error: str
    message: str
    reply_topic: str
    #: where its command was first read: `<topic>/<partition>/<offset>`.
    origin: str
    #: which part it is; -1: it is a whole command.
    part: int
    #: of how many parts it was put together.
    parts: Number
    #: when the router took it, gave it to the FL, read the acknowledgement, had its answer or
    #: decided on an error, and had the answer written.
    received: Number
    sent: Number
    acked: Number
    answered: Number
    delivered: Number
    #: its trace, as 32 hex digits.
    trace: str
    shard: int
    worker: str
    #: the first bytes of command and answer, where a setting allows it.
    command: str
    answer: str


class Happened(msgspec.Struct):
    """Something that happened to an FL or a switch, or that somebody ordered."""

    id: str
    at: Number
    #: outage, recovered, sync, sync failed, moved, added, removed, drained, undrained; or order.
    kind: str
    floodlight: str
    switch: str
    text: str
    #: of an order: who gave it, from where, and what was answered.
    who: str
    source: str
    result: str
    #: when what lasted began.
    began: Number
    worker: str


class EndedPage(msgspec.Struct):
    """Some of the requests that have ended, newest first."""

    items: list[Ended]
    #: give it as `after` for the rows that follow; null: there are none.
    next: str | None = None
    #: since when the history has all.
    oldest: Number = 0


class HappenedPage(msgspec.Struct):
    """Some of the events, newest first."""

    items: list[Happened]
    next: str | None = None
    oldest: Number = 0


class EndedWhole(msgspec.Struct):
    """A request, and its parts if it has any, in the order of their numbers."""

    request: Ended
    parts: list[Ended] = []
