"""What can be asked of the history, and what it answers. Times are ms since the epoch.

The same classes are the parameters and the answers of the API, and what the stores take and give.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from flrouter.core.values.records import MAX_TIME_MS
from flrouter.history.record import Ended, Happened, Number

#: characters that a part of a correlation id needs: the index has groups of three.
MIN_PART = 3
#: rows of one answer, at most.
MAX_LIMIT = 1_000
#: the `error` of a search for all requests that failed.
ANY_ERROR = "any"

_Time = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME_MS)]
_Since = Annotated[_Time, msgspec.Meta(description="Only from then on (ms).")]
_Until = Annotated[_Time, msgspec.Meta(description="Only before then (ms); 0: until now.")]
_Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many rows at most.")]
_Cursor = Annotated[
    str, msgspec.Meta(pattern=r"\A[0-9]{0,19}\Z", description="The `next` of the page before.")
]
_Floodlight = Annotated[str, msgspec.Meta(description="Only those at this FL.")]
_Switch = Annotated[str, msgspec.Meta(description="Only those of this switch.")]


class BadSearch(ValueError):
    """A search that no store can answer; the text says what is allowed."""


class _Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is empty or 0 is not asked for; a row must meet all the rest."""

    since: _Since = 0
    until: _Until = 0
    limit: _Limit = 100
    cursor: _Cursor = msgspec.field(name="after", default="")
    switch: _Switch = ""
    floodlight: _Floodlight = ""

    def __post_init__(self) -> None:
        """Check what the types cannot, and all of it for a caller within Python.

        Raises:
            BadSearch: the first that is wrong.
        """
        if self.until and self.until <= self.since:
            raise BadSearch("the end of the time comes before its beginning")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadSearch(f"expected a limit from 1 to {MAX_LIMIT}, got {self.limit}")
        digits = self.cursor.isascii() and self.cursor.isdecimal()
        if self.cursor and not (digits and int(self.cursor) < 1 << 63):
            raise BadSearch(f"not a cursor that a search gave: {self.cursor!r}")


class Search(_Search, frozen=True, kw_only=True):
    """Which requests. `since` and `until` are about their ends."""

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

    def __post_init__(self) -> None:
        """Raises :class:`BadSearch`."""
        super().__post_init__()
        if 0 < len(self.correlation_id) < MIN_PART:
            raise BadSearch(
                f"a part of a correlation id needs {MIN_PART} characters or more,"
                f" got {self.correlation_id!r}"
            )
        if self.completed and self.error:
            raise BadSearch("what was completed has no error: ask for one of both")


class EventSearch(_Search, frozen=True, kw_only=True):
    """Which events."""

    kind: Annotated[str, msgspec.Meta(description="Only those of this kind, as outage.")] = ""
    who: Annotated[str, msgspec.Meta(description="Only what they ordered.")] = ""


class EndedPage(msgspec.Struct):
    """Some of the requests that have ended, newest first."""

    items: list[Ended]
    #: give it as `after` for the rows that follow; null: there are none.
    next: str | None = None
    #: the history begins then.
    oldest: Number = 0


class HappenedPage(msgspec.Struct):
    """Some of the events, newest first."""

    items: list[Happened]
    next: str | None = None
    oldest: Number = 0


class EndedWhole(msgspec.Struct):
    """A request, and its parts if it has any, in the order of their indexes."""

    request: Ended
    #: at most :data:`MAX_LIMIT`.
    parts: list[Ended] = []


class Extent(msgspec.Struct, frozen=True):
    """What a store holds."""

    size_bytes: int
    #: when its first and its last record ended; 0 if it is empty.
    oldest: int = 0
    newest: int = 0


class StoreFailed(Exception):
    """The database failed; the text says which one and why."""
