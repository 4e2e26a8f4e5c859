"""How records lie in the tables of a database: a column for each field, the same in every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from flrouter.history.record import Happened, Request, first_id
from flrouter.history.search import ANY_ERROR, EventSearch, Search

#: what databases take for a number.
MAX_ID = (1 << 63) - 1

Record = TypeVar("Record", Request, Happened)
#: a value of a column.
Value = int | str | bytes


class Table(Generic[Record]):
    """A table of records of one class. Its key is the record's id, as a number."""

    def __init__(self, name: str, record: type[Record]) -> None:
        self.name = name
        self.record: type[Record] = record
        self._fields = msgspec.structs.fields(record)
        #: their names, as SQL lists them.
        self.columns = [field.name for field in self._fields]

    @property
    def listed(self) -> str:
        """Its columns, as SELECT lists them."""
        return ", ".join(f"{self.name}.{column}" for column in self.columns)

    def declarations(self, types: dict[type, str], key: str) -> str:
        """What stands between the brackets of CREATE TABLE.

        Args:
            types: the database's type for a type of ours.
            key: the declaration of `id`.
        """
        others: list[str] = [
            f"{field.name} {types[field.type]} NOT NULL"
            for field in self._fields
            if field.name != "id"
        ]
        return ", ".join([key, *others])

    def row(self, record: Record) -> tuple[Value, ...]:
        """A record as a row."""
        others: list[Value] = [_fit(getattr(record, name)) for name in self.columns[1:]]
        return (int(record.id), *others)

    def read(self, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """The records that rows hold."""
        columns = self.columns
        return [
            self.record(**{**dict(zip(columns, row, strict=True)), "id": str(row[0])})
            for row in rows
        ]


def _fit(value: Value) -> Value:
    """PostgreSQL has no text with a NUL in it, and functions of SQLite's end there."""
    return value.replace("\0", "�") if isinstance(value, str) and "\0" in value else value


REQUESTS = Table("requests", Request)
EVENTS = Table("events", Happened)


class Conditions:
    """The WHERE of a statement, and its values. Ids are compared last."""

    def __init__(self, mark: str, key: str) -> None:
        """Args:
        mark: what stands for a value.
        key: the column of ids, as the statement calls it.
        """
        self.mark = mark
        self.key = key
        self._texts: list[str] = []
        self.values: list[Value] = []

    def add(self, text: str, *values: Value) -> None:
        """One more condition, with a mark for each value."""
        self._texts.append(text)
        self.values += values

    def equal(self, wanted: Search | EventSearch, *columns: str) -> None:
        """These columns have what is asked for, where anything is."""
        for column in columns:
            if value := getattr(wanted, column):
                # That it is not empty has to stand there: an index knows only such rows.
                self.add(f"{column} = {self.mark} AND {column} <> ''", value)

    def __str__(self) -> str:
        return " AND ".join(
            [*self._texts, f"{self.key} >= {self.mark} AND {self.key} < {self.mark}"]
        )


def add_requests(conditions: Conditions, search: Search) -> None:
    """What a search for requests asks, but for the time and the part of a correlation id."""
    conditions.equal(search, "switch", "floodlight", "kind")
    if search.error:
        conditions.add("error <> ''")
    if search.error not in {"", ANY_ERROR}:
        conditions.add(f"error = {conditions.mark}", search.error)
    if search.completed:
        conditions.add("error = ''")


def add_events(conditions: Conditions, search: EventSearch) -> None:
    """What a search for events asks, but for the time."""
    conditions.equal(search, "floodlight", "switch", "kind", "who")


def ids_of(search: Search | EventSearch) -> tuple[int, int]:
    """From which id on to look, and before which one."""
    until = first_id(search.until) if search.until else MAX_ID
    return first_id(search.since), min(until, int(search.cursor)) if search.cursor else until


def parts_of(request: Request) -> tuple[str, str]:
    """Between which numbers those of a command's parts are: '/' follows '.' in ASCII."""
    return f"{request.number}.", f"{request.number}/"


def readable_id(text: str) -> int | None:
    """An id that somebody gave; None when it is none."""
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ID:
        return int(text)
    return None
