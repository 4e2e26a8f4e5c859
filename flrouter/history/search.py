"""What can be asked of the history, and what comes back: the port of all stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from flrouter.history.record import Batch, Happened, Request

#: characters that a part of a correlation id needs: the index is of groups of three.
MIN_PART = 3
#: rows of one answer, at most.
MAX_LIMIT = 1_000
#: what `Search.error` may be instead of a type: whatever error.
ANY_ERROR = "any"


class BadSearch(ValueError):
    """It cannot be asked so; the text says how it can."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests: those that meet all of it. What is empty or 0 is not asked for."""

    #: when they ended, in ms since the epoch: from `since` on, before `until`.
    since: int = 0
    until: int = 0
    switch: str = ""
    floodlight: str = ""
    #: the type of an error, as NOT_FOUND; :data:`ANY_ERROR`: all that failed.
    error: str = ""
    #: only those that were completed.
    completed: bool = False
    kind: str = ""
    #: a part of the correlation id, in upper or lower case: :data:`MIN_PART` characters or more.
    correlation_id: str = ""
    limit: int = 100
    #: what :class:`Found` gave, to go on behind it.
    cursor: str = ""

    def __post_init__(self) -> None:
        """Refuse what no store can answer.

        Raises:
            BadSearch: the first that is wrong.
        """
        if 0 < len(self.correlation_id) < MIN_PART:
            raise BadSearch(
                f"a part of a correlation id needs {MIN_PART} characters or more,"
                f" got {self.correlation_id!r}"
            )
        if self.completed and self.error:
            raise BadSearch("what was completed has no error: ask for one of both")
        _check(self.since, self.until, self.limit, self.cursor)


class EventSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: those that meet all of it. What is empty or 0 is not asked for."""

    since: int = 0
    until: int = 0
    #: what went on at this FL, also to switches that went to it.
    floodlight: str = ""
    switch: str = ""
    #: one of :data:`flrouter.history.record.EVENTS`.
    kind: str = ""
    #: who ordered it.
    who: str = ""
    limit: int = 100
    cursor: str = ""

    def __post_init__(self) -> None:
        """Refuse what no store can answer.

        Raises:
            BadSearch: the first that is wrong.
        """
        _check(self.since, self.until, self.limit, self.cursor)


def _check(since: int, until: int, limit: int, cursor: str) -> None:
    if until and until <= since:
        raise BadSearch("the end of the time comes before its beginning")
    if not 1 <= limit <= MAX_LIMIT:
        raise BadSearch(f"expected a limit from 1 to {MAX_LIMIT}, got {limit}")
    if cursor and not (cursor.isascii() and cursor.isdecimal() and int(cursor) < 1 << 63):
        raise BadSearch(f"not a cursor that a search gave: {cursor!r}")


class Found(msgspec.Struct, frozen=True):
    """Some of the requests, the last to end first."""

    requests: list[Request]
    #: where the others begin; empty when these are all.
    cursor: str = ""


class FoundEvents(msgspec.Struct, frozen=True):
    """Some of the events, the last first."""

    events: list[Happened]
    cursor: str = ""


class Whole(msgspec.Struct, frozen=True):
    """One request with its parts, if it had any."""

    request: Request
    #: in the order of their indexes; at most :data:`MAX_LIMIT`.
    parts: list[Request] = []


class Extent(msgspec.Struct, frozen=True):
    """What a store holds."""

    size_bytes: int
    #: ms since the epoch: from when to when; 0 when it holds nothing.
    oldest: int = 0
    newest: int = 0


class StoreFailed(Exception):
    """The database does not do what it is asked; the text says which and why."""


class Store(Protocol):
    """Keeps the history. Its calls block, and may come from any thread, one at a time.

    Raises:
        StoreFailed: from every call.
    """

    def insert(self, batches: Iterable[Batch]) -> None:
        """Keep all of these durably; those that are here already change nothing."""

    def search(self, search: Search) -> Found:
        """The requests that meet it."""

    def events(self, search: EventSearch) -> FoundEvents:
        """The events that meet it."""

    def request(self, identity: str) -> Whole | None:
        """One request whole; None when it is not here (any more)."""

    def forget(self, before: int) -> int:
        """Delete the days that ended before this time (ms); returns how many."""

    def shrink(self, max_bytes: int) -> int:
        """Delete the oldest days until it is no larger, but never the last; returns how many."""

    def extent(self) -> Extent:
        """What it holds."""

    def close(self) -> None:
        """Let go of the database."""
