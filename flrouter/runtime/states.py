"""The states of shards, read back from their changelogs and local copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from flrouter.core.shard import Shard
from flrouter.core.table import TABLES
from flrouter.runtime.restore import Apply, Progress, restore
from flrouter.runtime.store import Copy
from flrouter.runtime.topics import changelog
from flrouter.settings import Settings

_DECODE = {table: msgspec.msgpack.Decoder(row).decode for table, row in TABLES.items()}


def open_copies(settings: Settings, numbers: Iterable[int]) -> dict[int, Copy]:
    """The local copies of shards; none when tables are held in memory alone."""
    if settings.store != "rocksdb":
        return {}
    return {number: Copy(settings.data_path / f"shard-{number}") for number in numbers}


def put(core: Shard, table: str, key: bytes, value: bytes | None) -> None:
    """Bring a changelog record into a shard's tables.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: no shard wrote it.
    """
    rows: dict[str, Any] = getattr(core.context, table)
    if value is None:
        rows.pop(key.decode(), None)
    else:
        rows[key.decode()] = _DECODE[table](value)


async def restore_states(
    settings: Settings,
    cores: Mapping[int, Shard],
    copies: Mapping[int, Copy],
    followed: Mapping[tuple[str, int], int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Fill the tables of shards; returns how many changelog records that took.

    Args:
        followed: (changelog, number) → the next offset to read, of shards that a standby filled.
        progress: kept up to date meanwhile.
    """

    def apply(number: int, table: str, key: bytes, value: bytes | None) -> None:
        put(cores[number], table, key, value)

    def into(table: str) -> Apply:
        return lambda partition, key, value: apply(partition, table, key, value)

    def start_over(number: int) -> None:
        for table in cores[number].context.tables:
            table.clear()
        if number in copies:
            copies[number].clear()

    starts = dict(followed or {})
    starts |= {
        (topic, number): position
        for number, copy in copies.items()
        for topic, position in copy.load(partial(apply, number)).items()
    }
    appliers = {changelog(settings, table): into(table) for table in TABLES}
    return await restore(settings, appliers, cores, starts, start_over, progress)
