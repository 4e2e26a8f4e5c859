"""How records lie in the tables of a database: a column for each field, the same in every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from flrouter.history.record import Happened, Request

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
        others: list[Value] = [getattr(record, name) for name in self.columns[1:]]
        return (int(record.id), *others)

    def read(self, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """The records that rows hold."""
        columns = self.columns
        return [
            self.record(**{**dict(zip(columns, row, strict=True)), "id": str(row[0])})
            for row in rows
        ]


REQUESTS = Table("requests", Request)
EVENTS = Table("events", Happened)


class Conditions:
    """The WHERE of a statement, and its values."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.values: list[Value] = []

    def add(self, text: str, *values: Value) -> None:
        """One more condition, with its placeholders' values."""
        self._texts.append(text)
        self.values += values

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._texts)}" if self._texts else ""
