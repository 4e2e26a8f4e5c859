"""Reading the router's tables back from their changelogs: into a shard, or from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.errors import KafkaConnectionError

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.kafka import replay
from flrouter.kafka.cluster.topics import changelog
from flrouter.ports import Partition, Record
from flrouter.runtime.durability.changelog import Changelog, Seals
from flrouter.settings.model import Settings

#: takes (partition, key, value or None) of one row.
Apply = Callable[[int, str, bytes | None], None]

_DECODE = {table: msgspec.msgpack.Decoder(row).decode for table, row in TABLES.items()}


def changelogs_of(settings: Settings, number: int) -> list[Changelog]:
    """A shard's changelogs, of which nothing was read."""
    seals = Seals()
    return [
        Changelog(table, Partition(changelog(settings, table), number), seals=seals)
        for table in TABLES
    ]


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


def read_tables(settings: Settings, tables: Mapping[str, Apply]) -> None:
    """Read tables of all shards to their ends. Blocks.

    Raises:
        KafkaConnectionError: brokers did not answer.
        NewerFormat: a later release wrote them.
    """
    changelogs = {
        changelog.partition: changelog
        for number in range(settings.partitions)
        for changelog in changelogs_of(settings, number)
        if changelog.table in tables
    }
    ends = replay.ends(settings, changelogs)

    def apply_of(at: Partition) -> Callable[[str, bytes, bytes | None], None]:
        return lambda table, key, value: tables[table](at.number, key.decode(), value)

    def take(at: Partition, rows: Sequence[Record]) -> None:
        changelogs[at].replay(rows, apply_of(at))

    if ends is None or not replay.replay(settings, dict.fromkeys(changelogs, 0), ends, take):
        raise KafkaConnectionError("the router's tables could not be read")
    for at, each in changelogs.items():
        each.settle(apply_of(at))
