"""Reading the router's own tables from outside its shards: for whoever must know the FLs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aiokafka.errors import KafkaConnectionError

from flrouter.kafka import replay
from flrouter.kafka.cluster.topics import changelog
from flrouter.ports import Partition, Row
from flrouter.runtime.durability.changelog import Changelog
from flrouter.settings.model import Settings

#: takes (partition, key, value or None) of one row.
Apply = Callable[[int, str, bytes | None], None]


def read_tables(settings: Settings, tables: Mapping[str, Apply]) -> None:
    """Read tables to their ends, all shards'. Blocks.

    Raises:
        KafkaConnectionError: brokers did not answer.
        NewerFormat: a later release wrote them.
    """
    changelogs = {
        at: Changelog(table, at)
        for table in tables
        for at in (
            Partition(changelog(settings, table), number) for number in range(settings.partitions)
        )
    }
    ends = replay.ends(settings, changelogs)

    def take(at: Partition, rows: Sequence[Row]) -> None:
        def apply(table: str, key: bytes, value: bytes | None) -> None:
            tables[table](at.number, key.decode(), value)

        changelogs[at].replay(rows, apply)

    if ends is None or not replay.replay(settings, dict.fromkeys(changelogs, 0), ends, take):
        raise KafkaConnectionError("the router's tables could not be read")
