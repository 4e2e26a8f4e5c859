"""Faust's view of the tables: their names and changelogs. The data is the shards' own."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from typing import Any

from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.table import Table as FaustTable
from faust.types import TP


class ShardTable(FaustTable):
    """A read-only window on one table of all shards that this worker owns.

    Upstream keeps keys of partitions that it lost, and writes only inside a stream; shards do both
    right, so they hold the data and this shows it.
    """

    @property
    def _rows(self) -> ChainMap[Any, Any]:
        return ChainMap(*(getattr(core.context, self.name) for core in self.app.shards.owned()))

    def __getitem__(self, key: Any) -> Any:
        """The value at `key`, if this worker owns it. Raises KeyError."""
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        """Whether this worker owns `key`."""
        return key in self._rows

    def __iter__(self) -> Iterator[Any]:
        """Every key that this worker owns."""
        return iter(self._rows)

    def __len__(self) -> int:
        """How many keys this worker owns."""
        return len(self._rows)


class TableManager(FaustTableManager):
    """Knows the tables, reads none of their changelogs: ownership restores the shards."""

    async def on_start(self) -> None:
        """Begin at once: upstream waits a second for tables to be declared."""
        self._tables_finalized.set()
        self._tables_registered.set()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Nothing: shards go with their data."""

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: there is no recovery of upstream's own."""
