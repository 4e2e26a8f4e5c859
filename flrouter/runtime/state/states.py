"""The state of a shard, as it is read back from its changelogs."""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.kafka.cluster.topics import changelog
from flrouter.ports import Partition
from flrouter.runtime.durability.changelog import Changelog
from flrouter.settings.model import Settings

_DECODE = {table: msgspec.msgpack.Decoder(row).decode for table, row in TABLES.items()}


def changelogs_of(settings: Settings, number: int) -> list[Changelog]:
    """A shard's changelogs, of which nothing was read."""
    return [Changelog(table, Partition(changelog(settings, table), number)) for table in TABLES]


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


def clear(core: Shard) -> None:
    """Forget all that was put there."""
    for table in core.context.tables:
        table.clear()
