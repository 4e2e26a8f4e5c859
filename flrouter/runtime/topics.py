"""Topics: made when they are missing, refused when they do not fit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import msgspec
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from flrouter.core.table import TABLES
from flrouter.runtime.clients import admin
from flrouter.settings import Settings

#: of changelogs. No row of an owner may be compacted away in favour of one that a former owner
#: wrote too late, before the owner has seen that: it looks once a minute.
CHANGELOG = {"cleanup.policy": "compact", "min.compaction.lag.ms": "600000"}
#: s; how long a topic may take to have a leader for every partition after it was created.
APPEARANCE = 30.0


class BadTopic(RuntimeError):
    """A topic exists with the wrong number of partitions; the text says what to do about it."""


class NoLeader(KafkaError):
    """A partition of a topic has no leader now: a broker is away, and will be back."""

    retriable = True


class Wanted(msgspec.Struct, frozen=True):
    """A topic that must be there."""

    name: str
    #: whether its partitions must be as many as shards: it is the router's own or an FL's.
    exact: bool
    compacted: bool = False


def changelog(settings: Settings, table: str) -> str:
    """The changelog topic of a table, as Faust names it."""
    return f"{settings.app_id}-{table}-changelog"


def of_floodlight(settings: Settings, floodlight: str) -> list[Wanted]:
    """All topics of an FL."""
    names = [*settings.fl_topics.read_by(floodlight), *settings.fl_topics.written_by(floodlight)]
    return [Wanted(name, exact=True) for name in names]


def of_router(settings: Settings) -> list[Wanted]:
    """All that the router needs but the FLs' topics."""
    others = {*settings.inbound_topics, *settings.message_catalog.requester_topics}
    return [
        Wanted(settings.shards_topic, exact=True),
        *(Wanted(changelog(settings, table), exact=True, compacted=True) for table in TABLES),
        Wanted(settings.dead_letters, exact=False),
        *(Wanted(name, exact=False) for name in sorted(others)),
    ]


def provide(settings: Settings, topics: Iterable[Wanted]) -> None:
    """Make those topics that are missing. Blocks.

    Raises:
        BadTopic: one that must have as many partitions as there are shards has not.
        NoLeader: a topic is not there after 30 s, or not all of it is served.
    """
    wanted = list(topics)
    client = admin(settings)
    try:
        _provide(client, settings, wanted)
    finally:
        client.close()


def _provide(client: KafkaAdminClient, settings: Settings, wanted: list[Wanted]) -> None:
    counts = _counts(client)
    missing = [topic for topic in wanted if topic.name not in counts]
    for topic in missing:
        config = CHANGELOG if topic.compacted else {}
        new = NewTopic(topic.name, settings.partitions, settings.replication, topic_configs=config)
        # Another worker may be faster; its partitions are looked at below.
        with contextlib.suppress(TopicAlreadyExistsError):
            client.create_topics([new])
    until = time.monotonic() + APPEARANCE
    while any(topic.name not in counts for topic in wanted) and time.monotonic() < until:
        time.sleep(0.05)
        counts = _counts(client)
    for topic in wanted:
        found = counts.get(topic.name, 0)
        if found == 0:
            raise NoLeader(
                f"topic {topic.name} is not there, or has a partition without a leader, for"
                f" {APPEARANCE:.0f} s: are all brokers up?"
            )
        if topic.exact and found != settings.partitions:
            raise BadTopic(
                f"topic {topic.name} has {found} partitions, the router needs"
                f" {settings.partitions}: set FLROUTER_PARTITIONS={found}, delete the topic, or"
                " choose another name for it; the number is fixed for the life of an app_id"
            )


def _counts(client: KafkaAdminClient) -> dict[str, int]:
    """How many partitions each topic has, of those topics whose partitions all have a leader."""
    return {
        topic["name"]: len(topic["partitions"])
        for topic in client.describe_topics()
        if topic["partitions"] and all(one["leader_id"] >= 0 for one in topic["partitions"])
    }
