"""The group protocol: what the members of the group say of themselves, dealt out by the leader."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from faust.assignor.client_assignment import ClientMetadata

from flrouter.app import create_app
from flrouter.settings.model import load
from tests.fuzz import script


@functools.cache
def _assignor() -> tuple[Any, list[str], Any]:
    app = create_app(load({}))
    settings = app.settings
    topics = [
        settings.shards_topic,
        *settings.inbound_topics,
        *settings.fl_topics.written_by("fl-1"),
    ]
    partitions = {topic: set(range(settings.partitions)) for topic in topics}
    return app.assignor, topics, SimpleNamespace(partitions_for_topic=partitions.get)


def group(data: bytes) -> None:
    """Each part is a member's user data. Every shard has one owner, whatever a member claims; and
    what each member is told, it can read.
    """
    assignor, topics, cluster = _assignor()
    own = assignor.metadata(set(topics))
    members = {"own": own}
    for number, part in enumerate(script.read(data)):
        members[f"{number}"] = type(own)(own.version, own.subscription, part.value or b"")
    dealt = assignor._perform_assignment(cluster, members)
    for topic in topics:
        owned = [
            partition
            for assignment in dealt.values()
            for named, partitions in assignment.assignment
            if named == topic
            for partition in partitions
        ]
        assert sorted(owned) == sorted(cluster.partitions_for_topic(topic)), topic
    for assignment in dealt.values():
        told = ClientMetadata.loads(assignor._decompress(assignment.user_data))
        told.assignment.kafka_protocol_assignment(assignor._table_manager)
