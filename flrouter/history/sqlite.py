"""The store of one machine: SQLite, in a folder that has a file for each day (UTC).

A part of a correlation id is looked up in an index of groups of three characters (FTS5's
`trigram`): it gives the requests that have all of the groups, whose texts are then compared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import chain
from pathlib import Path

from flrouter.history.record import Ended, Happened
from flrouter.history.rows import EVENTS, REQUESTS, Record, Row, Table, Value
from flrouter.history.search import StoreFailed
from flrouter.history.store import Ids, Query, Store, ids_of_day

#: s; how long a call waits for another process that writes.
LOCK_TIMEOUT_S = 10.0
#: groups of three characters that are looked up: more make no search faster.
MAX_GROUPS = 16
_SUFFIX = ".sqlite"
_TYPES = {int: "INTEGER", str: "TEXT"}
_KEY = "id INTEGER PRIMARY KEY"

#: an index ends with the id of the row, so each is in the order of time.
_SCHEMA = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS requests ({REQUESTS.declarations(_TYPES, _KEY)});
CREATE INDEX IF NOT EXISTS requests_of_switch ON requests (switch) WHERE switch <> '';
CREATE INDEX IF NOT EXISTS requests_of_floodlight ON requests (floodlight) WHERE floodlight <> '';
CREATE INDEX IF NOT EXISTS failed ON requests (id, error) WHERE error <> '';
CREATE INDEX IF NOT EXISTS failed_of_floodlight ON requests (floodlight, id, error)
  WHERE error <> '' AND floodlight <> '';
CREATE INDEX IF NOT EXISTS parts ON requests (number) WHERE part >= 0;
CREATE VIRTUAL TABLE IF NOT EXISTS correlation_ids USING fts5
  (correlation_id, content = '', detail = none, columnsize = 0, tokenize = 'trigram');
CREATE TRIGGER IF NOT EXISTS inserted AFTER INSERT ON requests BEGIN
  INSERT INTO correlation_ids (rowid, correlation_id) VALUES (new.id, new.correlation_id);
END;
CREATE TABLE IF NOT EXISTS events ({EVENTS.declarations(_TYPES, _KEY)});
CREATE INDEX IF NOT EXISTS events_of_floodlight ON events (floodlight);
COMMIT;
"""


class SqliteStore(Store):
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: where the files are; made with the first record.
        """
        super().__init__()
        self._folder = folder
        self._connections: dict[date, sqlite3.Connection] = {}

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StoreFailed(f"the history in {self._folder}: {error}") from error

    def _days(self) -> dict[date, int]:
        return {
            day: sum(path.stat().st_size for path in self._files(day) if path.exists())
            for day in self._kept()
        }

    def _kept(self) -> list[date]:
        """The days that have a file, the oldest first. Connections to deleted files are closed."""
        names = self._folder.glob(f"*{_SUFFIX}")
        days = sorted(date.fromisoformat(path.name.removesuffix(_SUFFIX)) for path in names)
        for day in self._connections.keys() - set(days):
            self._connections.pop(day).close()
        return days

    def _drop(self, days: Iterable[date]) -> None:
        for day in days:
            if connection := self._connections.pop(day, None):
                connection.close()
            for path in self._files(day):
                path.unlink(missing_ok=True)

    def _insert(self, day: date, requests: list[Ended], events: list[Happened]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._connection(day) as database:
            _insert(database, REQUESTS, requests)
            _insert(database, EVENTS, events)

    def _rows(
        self, statement: str, values: Sequence[Value], ids: Ids, *, newest_first: bool = False
    ) -> Iterator[Row]:
        first, end = ids
        ranges = [(day, *ids_of_day(day)) for day in self._kept()]
        days = [day for day, begin, next_day in ranges if begin < end and first < next_day]
        return chain.from_iterable(
            self._connection(day).execute(statement, [*values, *ids])
            for day in (reversed(days) if newest_first else days)
        )

    def _with_part(self, part: str) -> Query:
        source = "correlation_ids CROSS JOIN requests ON requests.id = correlation_ids.rowid"
        query = Query(source, "correlation_ids.rowid")
        lowered = part.lower()
        query.add("correlation_ids MATCH ?", _groups(lowered))
        query.add("instr(lower(requests.correlation_id), ?)", lowered)
        return query

    def _connection(self, day: date) -> sqlite3.Connection:
        connection = self._connections.get(day)
        if connection is None:
            path = self._files(day)[0]
            connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, check_same_thread=False)
            connection.executescript(_SCHEMA)
            self._connections[day] = connection
        return connection

    def _files(self, day: date) -> list[Path]:
        """The database of a day, and what SQLite keeps beside it."""
        return [self._folder / f"{day}{_SUFFIX}{end}" for end in ("", "-wal", "-shm")]


def _insert(database: sqlite3.Connection, table: Table[Record], records: list[Record]) -> None:
    places = ", ".join("?" * len(table.columns))
    database.executemany(
        f"INSERT OR IGNORE INTO {table.name} VALUES ({places})", map(table.row, records)
    )


def _groups(part: str) -> str:
    """The FTS5 query for texts that have every group of three characters of `part`."""
    groups = dict.fromkeys(part[at : at + 3] for at in range(len(part) - 2))
    quoted = ('"' + group.replace('"', '""') + '"' for group in list(groups)[:MAX_GROUPS])
    return " AND ".join(quoted)
