"""The store of several machines: PostgreSQL, with partitions for each day (UTC).

A part of a correlation id is looked up by `pg_trgm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import psycopg

from flrouter.history.record import Ended, Happened
from flrouter.history.rows import EVENTS, REQUESTS, Record, Row, Table, Value
from flrouter.history.search import StoreFailed
from flrouter.history.store import Ids, Query, Store, ids_of_day

#: s; how long the server may take to accept a connection.
CONNECT_TIMEOUT_S = 10
#: the advisory lock under which tables and partitions are made, by one process at a time.
_LOCK = "SELECT pg_advisory_xact_lock(1718383215)"
#: "C": in the order of bytes, as an index for beginnings needs it.
_TYPES = {int: "BIGINT", str: 'TEXT COLLATE "C"'}
_KEY = "id BIGINT PRIMARY KEY"
#: in a pattern, these stand for themselves; PostgreSQL takes no NUL.
_LITERAL = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "\0": "�"})

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
#: the days that have partitions, as `requests_20261128`, and their bytes.
_PARTITIONS = """
SELECT right(child.relname, 8), sum(pg_total_relation_size(child.oid))
FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent IN ('requests'::regclass, 'events'::regclass)
GROUP BY 1 ORDER BY 1
"""


class PostgresqlStore(Store):
    """A store in a database of PostgreSQL."""

    def __init__(self, address: str) -> None:
        """Args:
        address: as `postgresql://user:password@host/name`.
        """
        super().__init__()
        self._address = address
        self._open: psycopg.Connection[Any] | None = None
        #: days whose partitions are known to exist.
        self._made: set[date] = set()

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._disconnect()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            try:
                with self._database.transaction():
                    yield
            except psycopg.Error as error:
                self._disconnect()
                place = self._address.rpartition("@")[2]
                raise StoreFailed(f"the history in PostgreSQL at {place}: {error}") from error

    @property
    def _database(self) -> psycopg.Connection[Any]:
        """The connection; made if there is none."""
        if self._open is None:
            self._open = psycopg.connect(
                self._address,
                autocommit=True,
                # Each query is planned for its values: a rare value decides which index is best.
                prepare_threshold=None,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="flrouter-history",
            )
            with self._open.transaction():
                self._open.execute(_LOCK)
                row = self._open.execute("SELECT to_regclass('requests')").fetchone()
                if row == (None,):
                    self._open.execute(_SCHEMA)
        return self._open

    def _disconnect(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
        self._made.clear()

    def _days(self) -> dict[date, int]:
        return {
            datetime.strptime(day, "%Y%m%d").date(): int(size)
            for day, size in self._database.execute(_PARTITIONS)
        }

    def _drop(self, days: Iterable[date]) -> None:
        for day in days:
            for table in (REQUESTS, EVENTS):
                self._database.execute(f"DROP TABLE IF EXISTS {table.name}_{day:%Y%m%d}")
            self._made.discard(day)

    def _insert(self, day: date, requests: list[Ended], events: list[Happened]) -> None:
        if day not in self._made:
            self._make(day)
        _insert(self._database, REQUESTS, requests)
        _insert(self._database, EVENTS, events)

    def _make(self, day: date) -> None:
        """Make the partitions of a day."""
        self._database.execute(_LOCK)
        first, end = ids_of_day(day)
        for table in (REQUESTS, EVENTS):
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {table.name}_{day:%Y%m%d}"
                f" PARTITION OF {table.name} FOR VALUES FROM ({first}) TO ({end})"
            )
        self._made.add(day)

    def _rows(
        self, statement: str, values: Sequence[Value], ids: Ids, *, newest_first: bool = False
    ) -> Iterator[Row]:
        return iter(self._database.execute(statement.replace("?", "%s"), [*values, *ids]))

    def _with_part(self, part: str) -> Query:
        query = Query("requests")
        query.add("correlation_id ILIKE ?", f"%{part.translate(_LITERAL)}%")
        return query


def _insert(database: psycopg.Connection[Any], table: Table[Record], records: list[Record]) -> None:
    if not records:
        return
    new = f"new_{table.name}"
    database.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {new} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    with database.cursor() as cursor, cursor.copy(f"COPY {new} FROM STDIN") as copy:
        for record in records:
            copy.write_row(table.row(record))
    database.execute(f"INSERT INTO {table.name} SELECT * FROM {new} ON CONFLICT DO NOTHING")
