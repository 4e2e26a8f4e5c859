"""How records lie in the tables of a database: a column for each field, the same in every store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, get_type_hints

from flrouter.history.record import Ended, Happened

Record = TypeVar("Record", Ended, Happened)
#: the value of a column, and what a database gives for a row.
Value = int | str
Row = Sequence[Any]


class Table(Generic[Record]):
    """A table of records of one class. Its key is the record's id, as a number."""

    def __init__(self, name: str, record: type[Record]) -> None:
        self.name = name
        self.columns = record.__struct_fields__
        self._record: type[Record] = record

    @property
    def listed(self) -> str:
        """The columns, as SELECT lists them."""
        return ", ".join(f"{self.name}.{column}" for column in self.columns)

    def declarations(self, types: Mapping[type, str], key: str) -> str:
        """The columns of CREATE TABLE: `key` declares the id, `types` has `int` and `str`."""
        hints = get_type_hints(self._record)
        others: list[str] = [
            f"{column} {types[hints[column]]} NOT NULL" for column in self.columns[1:]
        ]
        return ", ".join([key, *others])

    def row(self, record: Record) -> tuple[Value, ...]:
        """A record as a row."""
        return (int(record.id), *(_fit(getattr(record, name)) for name in self.columns[1:]))

    def read(self, rows: Iterable[Row]) -> list[Record]:
        """The records in rows."""
        return [self._record(str(row[0]), *row[1:]) for row in rows]


def _fit(value: Value) -> Value:
    """PostgreSQL takes no NUL within a text, and functions of SQLite stop there."""
    return value.replace("\0", "�") if isinstance(value, str) and "\0" in value else value


REQUESTS = Table("requests", Ended)
EVENTS = Table("events", Happened)
