"""Topics: made when they are missing, refused when they do not fit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import msgspec
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from flrouter.core.state.table import TABLES
from flrouter.kafka.cluster.clients import connection
from flrouter.retry import Backoff
from flrouter.settings.model import Settings

#: of changelogs. A former owner's late row must not have the owner's row compacted away before the
#: owner has seen it, and the owner looks once a minute. Tombstones stay for a day, as standbys and
#: local copies may be behind by that much. Brokers never compact the newest segment, which a
#: takeover reads to its end: by default it grows to 1 GB, some millions of rows.
CHANGELOG = {
    "cleanup.policy": "compact",
    "segment.bytes": "67108864",
    "min.compaction.lag.ms": "600000",
    "delete.retention.ms": "86400000",
}
#: of the topic between shards, of dead letters and of the history: kept for a week, whatever the
#: brokers' defaults are. A week is how long they keep committed offsets.
KEPT = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}
#: how long a topic may take to have a leader for every partition after it was created.
APPEARANCE_TIMEOUT_S = 30.0


class BadTopic(RuntimeError):
    """A topic exists with the wrong number of partitions; the text says what to do about it."""


class NoLeader(KafkaError):
    """A partition of a topic has no leader now: a broker is away, and will be back."""

    retriable = True


class Wanted(msgspec.Struct, frozen=True):
    """A topic that must be there, and with how many partitions (protocol.md, 3.2)."""

    name: str
    #: whether its partitions must be as many as shards: it is the router's own.
    exact: bool = False
    #: whether every shard needs a partition, and more do no harm: it is an FL's.
    enough: bool = False
    compacted: bool = False


def changelog(settings: Settings, table: str) -> str:
    """The changelog topic of a table, as Faust names it."""
    return f"{settings.app_id}-{table}-changelog"


def of_floodlight(settings: Settings, floodlight: str) -> list[Wanted]:
    """All topics of an FL."""
    names = [*settings.fl_topics.read_by(floodlight), *settings.fl_topics.written_by(floodlight)]
    return [Wanted(name, enough=True) for name in names]


def of_router(settings: Settings) -> list[Wanted]:
    """All that the router needs but the FLs' topics."""
    others = {*settings.inbound_topics, *settings.message_catalog.requester_topics}
    return [
        Wanted(settings.shards_topic, exact=True),
        *(Wanted(changelog(settings, table), exact=True, compacted=True) for table in TABLES),
        Wanted(settings.dead_letters),
        *(Wanted(name) for name in sorted(others)),
    ]


def provide(settings: Settings, topics: Iterable[Wanted]) -> None:
    """Make those topics that are missing, as `make` does; BadTopic tells what is wrong with one."""
    for fault in make(settings, topics).values():
        raise BadTopic(fault)


def make(settings: Settings, topics: Iterable[Wanted]) -> dict[str, str]:
    """Make those topics that are missing. Blocks.

    Returns each topic with the wrong number of partitions, with what is wrong and what to do.

    Raises:
        NoLeader: a topic is not there after 30 s, or not all of it is served.
    """
    wanted = list(topics)
    admin = KafkaAdminClient(**connection(settings), client_id=settings.app_id)
    with contextlib.closing(admin) as client:
        counts = _make(client, settings, wanted)
    faults = {topic.name: _fault(settings, topic, counts[topic.name]) for topic in wanted}
    return {name: fault for name, fault in faults.items() if fault}


def _config(settings: Settings, topic: Wanted) -> dict[str, str]:
    """How a topic is made; of those of others all is as brokers have it."""
    if not topic.exact and topic.name not in {settings.dead_letters, settings.history_topic}:
        return {}
    # One copy may be away; what is acknowledged then lies in all others.
    in_sync = {"min.insync.replicas": str(max(settings.replication - 1, 1))}
    return (CHANGELOG if topic.compacted else KEPT) | in_sync


def _fault(settings: Settings, topic: Wanted, count: int) -> str:
    """What is wrong with a topic's partitions; nothing when they fit."""
    needed = settings.partitions
    if topic.exact and count != needed:
        return (
            f"topic {topic.name} has {count} partitions, the router needs {needed}:"
            f" set FLROUTER_PARTITIONS={count}, stop all workers, delete the topic and start them,"
            " or choose another name for it; the number is fixed for the life of an app_id"
        )
    if topic.enough and count < needed:
        return (
            f"topic {topic.name} has {count} partitions, the router needs at least {needed}:"
            f" kafka-topics.sh --alter --topic {topic.name} --partitions {needed}"
        )
    return ""


def _make(client: KafkaAdminClient, settings: Settings, wanted: list[Wanted]) -> dict[str, int]:
    """Make what is missing; returns how many partitions each topic has."""
    names = [topic.name for topic in wanted]
    counts = _counts(client, names)
    for topic in wanted:
        if topic.name not in counts:
            shape, config = (settings.partitions, settings.replication), _config(settings, topic)
            # Another worker may be faster; its partitions are looked at below.
            with contextlib.suppress(TopicAlreadyExistsError):
                client.create_topics([NewTopic(topic.name, *shape, topic_configs=config)])
    until = time.monotonic() + APPEARANCE_TIMEOUT_S
    backoff = Backoff(0.05, 0.5)
    while (missing := [name for name in names if name not in counts]) and time.monotonic() < until:
        time.sleep(backoff.next_s())
        counts = _counts(client, names)
    for name in missing:
        raise NoLeader(
            f"topic {name} is not there, or has a partition without a leader, for"
            f" {APPEARANCE_TIMEOUT_S:.0f} s: are all brokers up?"
        )
    return counts


def _counts(client: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    """How many partitions each topic has, of those topics whose partitions all have a leader."""
    return {
        topic["name"]: len(topic["partitions"])
        for topic in client.describe_topics(names)
        if topic["partitions"] and all(one["leader_id"] >= 0 for one in topic["partitions"])
    }
