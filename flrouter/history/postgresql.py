"""The store of more than one machine: PostgreSQL, with partitions for each day (UTC).

What is too old goes with its partition. A part of a correlation id is found by `pg_trgm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

import psycopg

from flrouter.history import record
from flrouter.history.record import Batch, Happened, Request
from flrouter.history.rows import (
    EVENTS,
    REQUESTS,
    Conditions,
    Record,
    Table,
    add_events,
    add_requests,
    ids_of,
    parts_of,
    readable_id,
)
from flrouter.history.search import (
    MAX_LIMIT,
    EventSearch,
    Extent,
    Found,
    FoundEvents,
    Search,
    StoreFailed,
    Whole,
)

#: s; how long the server may take to let us in.
CONNECT_TIMEOUT_S = 10
#: of the lock under which tables and partitions are made: one process at a time.
_LOCK = 0x666C726F
#: "C": in the order of bytes, which an index for beginnings needs.
_TEXT = 'TEXT COLLATE "C"'
_TYPES: dict[type, str] = {int: "BIGINT", str: _TEXT, bytes: "BYTEA"}
_KEY = "id BIGINT PRIMARY KEY"

_SCHEMA = f"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE requests ({REQUESTS.declarations(_TYPES, _KEY)}) PARTITION BY RANGE (id);
CREATE INDEX ON requests (switch, id) WHERE switch <> '';
CREATE INDEX ON requests (floodlight, id) WHERE floodlight <> '';
CREATE INDEX ON requests (id, error) WHERE error <> '';
CREATE INDEX ON requests (floodlight, id, error) WHERE error <> '' AND floodlight <> '';
CREATE INDEX ON requests (number) WHERE part >= 0;
CREATE INDEX ON requests USING gin (correlation_id gin_trgm_ops);
CREATE TABLE events ({EVENTS.declarations(_TYPES, _KEY)}) PARTITION BY RANGE (id);
CREATE INDEX ON events (floodlight, id) WHERE floodlight <> '';
"""
_ONE = f"SELECT {REQUESTS.listed} FROM requests WHERE id = %s"
_PARTS = (
    f"SELECT {REQUESTS.listed} FROM requests"
    " WHERE part >= 0 AND number > %s AND number < %s AND id >= %s AND id <= %s"
    f" ORDER BY part, id LIMIT {MAX_LIMIT}"
)
#: the days that have a partition, as `requests_20261128`.
_PARTITIONS = """
SELECT right(child.relname, 8), sum(pg_total_relation_size(child.oid))
FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent IN ('requests'::regclass, 'events'::regclass)
GROUP BY 1 ORDER BY 1
"""


class PostgresqlStore:
    """A :class:`~flrouter.history.search.Store` in a database of PostgreSQL."""

    def __init__(self, address: str) -> None:
        """Args:
        address: as `postgresql://user:password@host/name`.
        """
        self._address = address
        self._lock = Lock()
        self._open: psycopg.Connection[Any] | None = None
        #: that are known to have partitions.
        self._made: set[date] = set()

    # -- keeping ------------------------------------------------------------------------------

    def insert(self, batches: Iterable[Batch]) -> None:
        """Keep all of these durably; those that are here already change nothing."""
        requests: list[Request] = []
        events: list[Happened] = []
        for batch in batches:
            requests += record.requests(batch)
            events += record.happened(batch)
        days = {_day(int(each.id)) for each in requests} | {_day(int(each.id)) for each in events}
        with self._using() as database:
            self._make(database, days)
            _insert(database, REQUESTS, requests)
            _insert(database, EVENTS, events)

    def forget(self, before: int) -> int:
        """Delete the days that ended before this time (ms); returns how many."""
        with self._using() as database:
            old = [day for day, _ in _days(database) if _begin(day + timedelta(1)) <= before]
            self._drop(database, old)
            return len(old)

    def shrink(self, max_bytes: int) -> int:
        """Delete the oldest days until it is no larger, but never the last; returns how many."""
        with self._using() as database:
            days = _days(database)
            excess = sum(size for _, size in days) - max_bytes
            surplus: list[date] = []
            for day, size in days[:-1]:
                if excess > 0:
                    surplus.append(day)
                    excess -= size
            self._drop(database, surplus)
            return len(surplus)

    def extent(self) -> Extent:
        """What it holds."""
        with self._using() as database:
            size = sum(size for _, size in _days(database))
            ends = [
                end
                for table in (REQUESTS, EVENTS)
                for row in database.execute(f"SELECT min(id), max(id) FROM {table.name}")
                for end in row
                if end is not None
            ]
            if not ends:
                return Extent(size)
            return Extent(size, record.time_of(min(ends)), record.time_of(max(ends)))

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._disconnect()

    # -- looking ------------------------------------------------------------------------------

    def search(self, search: Search) -> Found:
        """The requests that meet it."""
        conditions = Conditions("%s", "id")
        add_requests(conditions, search)
        if search.correlation_id:
            conditions.add("correlation_id ILIKE %s", f"%{_literal(search.correlation_id)}%")
        return Found(*self._newest(REQUESTS, conditions, search))

    def events(self, search: EventSearch) -> FoundEvents:
        """The events that meet it."""
        conditions = Conditions("%s", "id")
        add_events(conditions, search)
        return FoundEvents(*self._newest(EVENTS, conditions, search))

    def request(self, identity: str) -> Whole | None:
        """One request whole; None when it is not here (any more)."""
        number = readable_id(identity)
        if number is None:
            return None
        with self._using() as database:
            rows = database.execute(_ONE, [number]).fetchall()
            if not rows:
                return None
            (request,) = REQUESTS.read(rows)
            if not request.parts:
                return Whole(request)
            first = record.first_id(request.received or request.answered)
            rows = database.execute(_PARTS, [*parts_of(request), first, number]).fetchall()
            parts = {part.part: part for part in REQUESTS.read(rows)}
            return Whole(request, list(parts.values()))

    def _newest(
        self, table: Table[Record], conditions: Conditions, search: Search | EventSearch
    ) -> tuple[list[Record], str]:
        """The records of a page, and the cursor behind it."""
        query = (
            f"SELECT {table.listed} FROM {table.name} WHERE {conditions} ORDER BY id DESC LIMIT %s"
        )
        values = [*conditions.values, *ids_of(search), search.limit + 1]
        with self._using() as database:
            rows = database.execute(query, values).fetchall()
        if len(rows) > search.limit:
            rows.pop()
            return table.read(rows), str(rows[-1][0])
        return table.read(rows), ""

    # -- the database -------------------------------------------------------------------------

    @contextmanager
    def _using(self) -> Iterator[psycopg.Connection[Any]]:
        """One call at a time, in a transaction; failures say what to do."""
        with self._lock:
            try:
                database = self._connect()
                with database.transaction():
                    yield database
            except psycopg.Error as error:
                self._disconnect()
                place = self._address.rpartition("@")[2]
                raise StoreFailed(f"the history in PostgreSQL at {place}: {error}") from error

    def _connect(self) -> psycopg.Connection[Any]:
        if self._open is None:
            # Plans are made for the values: what is rare decides which index is used.
            self._open = psycopg.connect(
                self._address,
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="flrouter-history",
            )
            with self._open.transaction():
                self._open.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                row = self._open.execute("SELECT to_regclass('requests')").fetchone()
                if row == (None,):
                    self._open.execute(_SCHEMA)
        return self._open

    def _disconnect(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
        self._made.clear()

    def _make(self, database: psycopg.Connection[Any], days: Iterable[date]) -> None:
        """Make the partitions of these days."""
        missing = sorted(set(days) - self._made)
        if missing:
            database.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for day in missing:
            begin, end = (record.first_id(_begin(each)) for each in (day, day + timedelta(1)))
            for table in (REQUESTS, EVENTS):
                database.execute(
                    f"CREATE TABLE IF NOT EXISTS {table.name}_{day:%Y%m%d}"
                    f" PARTITION OF {table.name} FOR VALUES FROM ({begin}) TO ({end})"
                )
            self._made.add(day)

    def _drop(self, database: psycopg.Connection[Any], days: Iterable[date]) -> None:
        for day in days:
            for table in (REQUESTS, EVENTS):
                database.execute(f"DROP TABLE IF EXISTS {table.name}_{day:%Y%m%d}")
            self._made.discard(day)


def _insert(database: psycopg.Connection[Any], table: Table[Record], records: list[Record]) -> None:
    if not records:
        return
    new = f"new_{table.name}"
    database.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {new} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    with database.cursor() as cursor, cursor.copy(f"COPY {new} FROM STDIN") as copy:
        for each in records:
            copy.write_row(table.row(each))
    database.execute(f"INSERT INTO {table.name} SELECT * FROM {new} ON CONFLICT DO NOTHING")


def _literal(text: str) -> str:
    """A part of a pattern that stands for itself."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text.replace("\0", "�")


def _days(database: psycopg.Connection[Any]) -> list[tuple[date, int]]:
    """The days that have partitions, and their bytes; the oldest first."""
    return [
        (datetime.strptime(day, "%Y%m%d").date(), int(size))
        for day, size in database.execute(_PARTITIONS)
    ]


def _day(identity: int) -> date:
    """The day of what has this id."""
    return datetime.fromtimestamp(record.time_of(identity) / 1000, UTC).date()


def _begin(day: date) -> int:
    """When a day began, in ms since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
