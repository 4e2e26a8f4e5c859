"""The store of one machine: SQLite, in a folder that has a file for each day (UTC).

What is too old goes with its file, at once, where deleting rows would write as much as they did.
A part of a correlation id is found by an index of its groups of three characters (FTS5's
`trigram`): it gives those that have all groups, and of these the text is looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

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

DAY_MS = 86_400_000
#: s; how long a call waits for another process that writes.
LOCK_TIMEOUT_S = 10.0
#: of the index: more groups of three characters make no search faster.
MAX_GROUPS = 16
_SUFFIX = ".sqlite"
_TYPES: dict[type, str] = {int: "INTEGER", str: "TEXT", bytes: "BLOB"}
_KEY = "id INTEGER PRIMARY KEY"

ONE = f"SELECT {REQUESTS.listed} FROM requests WHERE id = ?"
#: the parts of a command: their numbers are its number, a dot and their index.
PARTS = (
    f"SELECT {REQUESTS.listed} FROM requests WHERE part >= 0 AND number > ? AND number < ?"
    f" ORDER BY part LIMIT {MAX_LIMIT}"
)

#: An index has the row's id after its columns, so each is in the order of time.
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


class SqliteStore:
    """A :class:`~flrouter.history.search.Store` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: where the files lie; made with the first record.
        """
        self._folder = folder
        self._lock = Lock()
        self._connections: dict[str, sqlite3.Connection] = {}

    # -- keeping ------------------------------------------------------------------------------

    def insert(self, batches: Iterable[Batch]) -> None:
        """Keep all of these durably; those that are here already change nothing."""
        requests: dict[str, list[Request]] = {}
        events: dict[str, list[Happened]] = {}
        for batch in batches:
            for request in record.requests(batch):
                requests.setdefault(_day(int(request.id)), []).append(request)
            for event in record.happened(batch):
                events.setdefault(_day(int(event.id)), []).append(event)
        with self._using():
            for day in sorted({*requests, *events}):
                with self._connection(day, create=True) as database:
                    _insert(database, REQUESTS, requests.get(day, ()))
                    _insert(database, EVENTS, events.get(day, ()))

    def forget(self, before: int) -> int:
        """Delete the days that ended before this time (ms); returns how many."""
        with self._using():
            old = [day for day in self._days() if _begin(day) + DAY_MS <= before]
            for day in old:
                self._delete(day)
            return len(old)

    def shrink(self, max_bytes: int) -> int:
        """Delete the oldest days until it is no larger, but never the last; returns how many."""
        with self._using():
            days = self._days()
            sizes = [self._size(day) for day in days]
            excess = sum(sizes) - max_bytes
            deleted = 0
            while excess > 0 and deleted < len(days) - 1:
                self._delete(days[deleted])
                excess -= sizes[deleted]
                deleted += 1
            return deleted

    def extent(self) -> Extent:
        """What it holds."""
        with self._using():
            days = self._days()
            ends = [
                end
                for day in {*days[:1], *days[-1:]}
                for table in (REQUESTS, EVENTS)
                for end in self._connection(day)
                .execute(f"SELECT min(id), max(id) FROM {table.name}")
                .fetchone()
                if end is not None
            ]
            size = sum(map(self._size, days))
            if not ends:
                return Extent(size)
            return Extent(size, record.time_of(min(ends)), record.time_of(max(ends)))

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    # -- looking ------------------------------------------------------------------------------

    def search(self, search: Search) -> Found:
        """The requests that meet it."""
        source, conditions = "requests", Conditions("?", "id")
        if search.correlation_id:
            part = search.correlation_id.lower()
            source = "correlation_ids CROSS JOIN requests ON requests.id = correlation_ids.rowid"
            conditions = Conditions("?", "correlation_ids.rowid")
            conditions.add("correlation_ids MATCH ?", _groups(part))
            conditions.add("instr(lower(requests.correlation_id), ?)", part)
        add_requests(conditions, search)
        return Found(*self._newest(REQUESTS, source, conditions, search))

    def events(self, search: EventSearch) -> FoundEvents:
        """The events that meet it."""
        conditions = Conditions("?", "id")
        add_events(conditions, search)
        return FoundEvents(*self._newest(EVENTS, "events", conditions, search))

    def request(self, identity: str) -> Whole | None:
        """One request whole; None when it is not here (any more)."""
        number = readable_id(identity)
        if number is None:
            return None
        day = _day(number)
        with self._using():
            if day not in self._days():
                return None
            rows = self._connection(day).execute(ONE, [number]).fetchall()
            if not rows:
                return None
            (request,) = REQUESTS.read(rows)
            if not request.parts:
                return Whole(request)
            parts: dict[int, Request] = {}
            first = _begin(_day(record.first_id(request.received or request.answered)))
            for each in self._days():
                if first <= _begin(each) <= _begin(day):
                    rows = self._connection(each).execute(PARTS, parts_of(request)).fetchall()
                    parts |= {part.part: part for part in REQUESTS.read(rows)}
        return Whole(request, [parts[index] for index in sorted(parts)])

    def _newest(
        self,
        table: Table[Record],
        source: str,
        conditions: Conditions,
        search: Search | EventSearch,
    ) -> tuple[list[Record], str]:
        """The records of a page, and the cursor behind it."""
        since, until = ids_of(search)
        query = (
            f"SELECT {table.listed} FROM {source} WHERE {conditions}"
            f" ORDER BY {conditions.key} DESC LIMIT ?"
        )
        rows: list[Sequence[Any]] = []
        with self._using():
            for day in reversed(self._days()):
                begin = record.first_id(_begin(day))
                if begin >= until or record.first_id(_begin(day) + DAY_MS) <= since:
                    continue
                values = [*conditions.values, since, until, search.limit + 1 - len(rows)]
                rows += self._connection(day).execute(query, values)
                if len(rows) > search.limit:
                    rows.pop()
                    return table.read(rows), str(rows[-1][0])
        return table.read(rows), ""

    # -- files --------------------------------------------------------------------------------

    @contextmanager
    def _using(self) -> Iterator[None]:
        """One call at a time, whose failures say what to do."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StoreFailed(f"the history in {self._folder}: {error}") from error

    def _days(self) -> list[str]:
        """Those that have a file, the oldest first. What others have deleted is let go of."""
        days = sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        for day in self._connections.keys() - set(days):
            self._connections.pop(day).close()
        return days

    def _path(self, day: str) -> Path:
        return self._folder / f"{day}{_SUFFIX}"

    def _connection(self, day: str, *, create: bool = False) -> sqlite3.Connection:
        connection = self._connections.get(day)
        if connection is None:
            if create:
                self._folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path(day), timeout=LOCK_TIMEOUT_S, check_same_thread=False
            )
            connection.executescript(_SCHEMA)
            self._connections[day] = connection
        return connection

    def _files(self, day: str) -> list[Path]:
        path = self._path(day)
        return [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))]

    def _size(self, day: str) -> int:
        return sum(path.stat().st_size for path in self._files(day) if path.exists())

    def _delete(self, day: str) -> None:
        connection = self._connections.pop(day, None)
        if connection is not None:
            connection.close()
        for path in self._files(day):
            path.unlink(missing_ok=True)


def _insert(database: sqlite3.Connection, table: Table[Record], records: Iterable[Record]) -> None:
    places = ", ".join("?" * len(table.columns))
    database.executemany(
        f"INSERT OR IGNORE INTO {table.name} VALUES ({places})", map(table.row, records)
    )


def _groups(part: str) -> str:
    """The FTS5 query for texts that have every group of three characters of `part`."""
    groups = dict.fromkeys(part[at : at + 3] for at in range(len(part) - 2))
    quoted = ('"' + group.replace('"', '""') + '"' for group in list(groups)[:MAX_GROUPS])
    return " AND ".join(quoted)


def _day(identity: int) -> str:
    """The day of what has this id."""
    return datetime.fromtimestamp(record.time_of(identity) / 1000, UTC).date().isoformat()


def _begin(day: str) -> int:
    """When a day began, in ms since the epoch."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
