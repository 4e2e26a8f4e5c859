"""Tables: a shard's durable state, which knows what a batch changed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_args, get_type_hints

from flrouter.core.values.records import Barred, Floodlight, Gather, OldLink, Part, Pending, Switch

V = TypeVar("V")


class Table(dict[str, V], Generic[V]):
    """One partition of a table. Only what :meth:`put` and :meth:`drop` change is noticed.

    A key that changes several times between two calls of :meth:`take_changes` makes one changelog
    record, and one that came and went makes none.
    """

    __slots__ = ("_was_there", "name")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._was_there: dict[str, bool] = {}

    def put(self, key: str, value: V) -> None:
        """Set `key`, or note that its value was changed in place."""
        if key not in self._was_there:
            self._was_there[key] = key in self
        self[key] = value

    def drop(self, key: str) -> V | None:
        """Take `key` out; returns what it held."""
        value = self.pop(key, None)
        if value is not None and key not in self._was_there:
            self._was_there[key] = True
        return value

    def write_last(self, key: str) -> None:
        """Write the row of `key`, if it changed, behind all others that have changed so far."""
        if key in self._was_there:
            self._was_there[key] = self._was_there.pop(key)

    def write_again(self, key: str) -> None:
        """Count `key` as changed, even if it is gone: its changelog may say otherwise."""
        self._was_there[key] = True

    def take_changes(self) -> list[tuple[str, V | None]]:
        """What changed since the last call: key and new value, None where the key is gone."""
        if not self._was_there:
            return []
        changes = [
            (key, value)
            for key, was_there in self._was_there.items()
            if (value := self.get(key)) is not None or was_there
        ]
        self._was_there.clear()
        return changes


class Tables:
    """All that must survive a restart: the one list of tables, in the order of their changelogs."""

    switches: Table[Switch]
    pending: Table[Pending]
    blacklist: Table[Barred]
    floodlights: Table[Floodlight]
    links: Table[OldLink]
    gathers: Table[Gather | Part]

    def __init__(self) -> None:
        """Empty ones."""
        self.tables: tuple[Table[Any], ...] = tuple(Table(name) for name in TABLES)
        for table in self.tables:
            setattr(self, table.name, table)


#: name → the record that each of its rows is.
TABLES: dict[str, Any] = {
    name: get_args(table)[0] for name, table in get_type_hints(Tables).items()
}
