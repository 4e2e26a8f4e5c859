"""The store: what all databases have in common, and the SQL that all of them understand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from threading import Lock

from flrouter.history import record
from flrouter.history.record import Batch, Ended, Happened
from flrouter.history.rows import EVENTS, REQUESTS, Record, Row, Table, Value
from flrouter.history.search import (
    ANY_ERROR,
    MAX_LIMIT,
    EndedPage,
    EndedWhole,
    EventSearch,
    Extent,
    HappenedPage,
    Search,
)

#: an id is a signed number of 64 bits.
MAX_ID = (1 << 63) - 1
ONE_DAY = timedelta(days=1)

#: the first id of a range, and the one after its last.
Ids = tuple[int, int]

_ONE = f"SELECT {REQUESTS.listed} FROM requests WHERE id >= ? AND id < ?"
#: the parts of a command: their numbers are its number, a dot and their index.
_PARTS = (
    f"SELECT {REQUESTS.listed} FROM requests"
    " WHERE part >= 0 AND number > ? AND number < ? AND id >= ? AND id < ?"
    f" ORDER BY part, id LIMIT {MAX_LIMIT}"
)
#: one end each: SQLite looks at every row for both at once.
_ENDS = [
    f"SELECT {end}(id) FROM {table.name} WHERE id >= ? AND id < ?"
    for end in ("min", "max")
    for table in (REQUESTS, EVENTS)
]


class Query:
    """Conditions of a search. A question mark stands for a value."""

    def __init__(self, source: str, key: str = "id") -> None:
        """From a table whose ids are in the column `key`."""
        self.source = source
        self.key = key
        self._conditions: list[str] = []
        self.values: list[Value] = []

    def add(self, condition: str, *values: Value) -> None:
        """Ask for one thing more."""
        self._conditions.append(condition)
        self.values += values

    def equal(self, **wanted: str) -> None:
        """Columns must have these values, except where the value is empty."""
        for column, value in wanted.items():
            if value:
                # The indexes are partial: the condition must say that the column is not empty.
                self.add(f"{column} = ? AND {column} <> ''", value)

    def newest(self, table: Table[Record], limit: int) -> str:
        """The statement. Its last two values are ids: from the first on, before the second."""
        conditions = [*self._conditions, f"{self.key} >= ? AND {self.key} < ?"]
        return (
            f"SELECT {table.listed} FROM {self.source} WHERE {' AND '.join(conditions)}"
            f" ORDER BY {self.key} DESC LIMIT {limit}"
        )


class Store(ABC):
    """Keeps the history by days (UTC): what is too old goes with its day, at once.

    Calls block; those of several threads take turns.

    Raises:
        StoreFailed: from every call.
    """

    def __init__(self) -> None:
        self._lock = Lock()

    # -- writing ------------------------------------------------------------------------------

    def insert(self, batches: Iterable[Batch]) -> None:
        """Keep these batches durably; what is already kept stays as it is."""
        requests: defaultdict[date, list[Ended]] = defaultdict(list)
        events: defaultdict[date, list[Happened]] = defaultdict(list)
        for batch in batches:
            for request in record.ended(batch):
                requests[_day(int(request.id))].append(request)
            for event in record.happened(batch):
                events[_day(int(event.id))].append(event)
        with self._using():
            for day in sorted({*requests, *events}):
                self._insert(day, requests[day], events[day])

    def forget(self, before: int) -> int:
        """Delete the days that ended before this time (ms). Returns how many."""
        with self._using():
            old = [day for day in self._days() if _begin(day + ONE_DAY) <= before]
            self._drop(old)
        return len(old)

    def shrink(self, max_bytes: int) -> int:
        """Delete the oldest days, but never the last one, down to this size. Returns how many."""
        with self._using():
            days = list(self._days().items())
            excess = sum(size for _, size in days) - max_bytes
            surplus: list[date] = []
            for day, size in days[:-1]:
                if excess > 0:
                    surplus.append(day)
                    excess -= size
            self._drop(surplus)
        return len(surplus)

    # -- reading ------------------------------------------------------------------------------

    def search(self, search: Search) -> EndedPage:
        """A page of requests."""
        query = (
            self._with_part(search.correlation_id) if search.correlation_id else Query("requests")
        )
        failed = search.error == ANY_ERROR
        query.equal(
            switch=search.switch,
            floodlight=search.floodlight,
            kind=search.kind,
            error="" if failed else search.error,
        )
        if failed:
            query.add("error <> ''")
        if search.completed:
            query.add("error = ''")
        return EndedPage(*self._newest(REQUESTS, query, search))

    def events(self, search: EventSearch) -> HappenedPage:
        """A page of events."""
        query = Query("events")
        query.equal(
            floodlight=search.floodlight, switch=search.switch, kind=search.kind, who=search.who
        )
        return HappenedPage(*self._newest(EVENTS, query, search))

    def request(self, identity: str) -> EndedWhole | None:
        """The request with this id, and its parts. None if it is not, or no longer, here."""
        if not (identity.isascii() and identity.isdecimal() and len(identity) < 20):
            return None
        number = int(identity)
        if number >= MAX_ID:
            return None
        with self._using():
            requests = REQUESTS.read(self._rows(_ONE, [], (number, number + 1)))
            if not requests:
                return None
            [request] = requests
            if not request.parts:
                return EndedWhole(request)
            # Whole days, for the clocks of other workers may differ.
            began = record.first_id(request.received or request.answered)
            first, end = ids_of_day(_day(began))[0], ids_of_day(_day(number))[1]
            # '/' follows '.' in ASCII.
            numbers = [f"{request.number}.", f"{request.number}/"]
            rows = self._rows(_PARTS, numbers, (first, end))
            parts = {part.part: part for part in REQUESTS.read(rows)}
        return EndedWhole(request, [parts[index] for index in sorted(parts)])

    def extent(self) -> Extent:
        """How large the store is, and from when to when it reaches."""
        with self._using():
            days = self._days()
            ends = [
                identity
                for day in {*list(days)[:1], *list(days)[-1:]}
                for statement in _ENDS
                for row in self._rows(statement, [], ids_of_day(day))
                for identity in row
                if identity is not None
            ]
        times = [record.time_of(identity) for identity in (min(ends), max(ends))] if ends else []
        return Extent(sum(days.values()), *times)

    def _newest(
        self, table: Table[Record], query: Query, search: Search | EventSearch
    ) -> tuple[list[Record], str | None]:
        """The records of a page, and the cursor of the next one."""
        end = record.first_id(search.until) if search.until else MAX_ID
        if search.cursor:
            end = min(end, int(search.cursor))
        statement = query.newest(table, search.limit + 1)
        with self._using():
            begin = record.first_id(search.since)
            newest = self._rows(statement, query.values, (begin, end), newest_first=True)
            rows = list(islice(newest, search.limit + 1))
        page = rows[: search.limit]
        return table.read(page), str(page[-1][0]) if len(rows) > len(page) else None

    # -- the database -------------------------------------------------------------------------

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    @abstractmethod
    def _using(self) -> AbstractContextManager[object]:
        """One call at a time, whose failures become :class:`StoreFailed`."""

    @abstractmethod
    def _days(self) -> Mapping[date, int]:
        """The days that are kept, the oldest first, and how many bytes each has."""

    @abstractmethod
    def _drop(self, days: Iterable[date]) -> None:
        """Delete these days."""

    @abstractmethod
    def _insert(self, day: date, requests: list[Ended], events: list[Happened]) -> None:
        """Keep these records of one day."""

    @abstractmethod
    def _rows(
        self, statement: str, values: Sequence[Value], ids: Ids, *, newest_first: bool = False
    ) -> Iterator[Row]:
        """The rows of a statement, whose last two values are `ids`: from one on, before the other.

        Later days come first or last; within a day, rows are in the order of the statement.
        """

    @abstractmethod
    def _with_part(self, part: str) -> Query:
        """Requests with this part of a correlation id, in upper or lower case."""


def _day(identity: int) -> date:
    """The day of the record with this id."""
    return datetime.fromtimestamp(record.time_of(identity) / 1000, UTC).date()


def _begin(day: date) -> int:
    """When a day begins (ms since the epoch)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def ids_of_day(day: date) -> Ids:
    """The first id of a day, and that of the next day."""
    return record.first_id(_begin(day)), record.first_id(_begin(day + ONE_DAY))
