"""Topics are made when they are missing and refused when they do not fit."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka.admin import KafkaAdminClient

from flrouter.kafka.cluster import topics
from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.cluster.topics import BadTopic, Wanted, make, of_floodlight, of_router, provide
from tests.runtime.broker import settings

pytestmark = pytest.mark.broker


def _count(broker_url: str, name: str) -> int:
    with closing(KafkaAdminClient(**connection(settings(broker_url)))) as client:
        return topics._counts(client, [name])[name]


def test_missing_topics_are_made_with_as_many_partitions_as_shards(broker_url: str) -> None:
    """After a first start everything is there; a second start changes nothing."""
    mine = settings(broker_url, partitions=3)
    wanted = [*of_router(mine), *of_floodlight(mine, "fl-1")]
    provide(mine, wanted)
    provide(mine, wanted)
    assert {_count(broker_url, topic.name) for topic in wanted} == {3}


def test_a_topic_of_the_router_with_other_partitions_is_refused(broker_url: str) -> None:
    """The error names the topic, what was found, what is needed and what to do."""
    mine = settings(broker_url, partitions=3)
    provide(mine, [Wanted(mine.shards_topic, exact=True)])
    other = settings(broker_url, app_id=mine.app_id, partitions=5)
    with pytest.raises(BadTopic, match=r"-shards has 3 partitions, the router needs 5: set"):
        provide(other, [Wanted(other.shards_topic, exact=True)])


def test_an_inbound_topic_may_have_any_number(broker_url: str) -> None:
    """Its commands are sent on to their homes."""
    mine = settings(broker_url, partitions=3)
    provide(mine, [Wanted(mine.inbound_topics[0], exact=False)])
    other = settings(broker_url, inbound_topics=mine.inbound_topics, partitions=5)
    provide(other, of_router(other))
    assert _count(broker_url, mine.inbound_topics[0]) == 3


def test_an_fl_s_topic_may_have_more_partitions_and_not_fewer(broker_url: str) -> None:
    """What is wrong is told of it alone, with the command that mends it."""
    mine = settings(broker_url, partitions=3)
    topics = of_floodlight(mine, "fl-1")
    assert make(mine, topics) == {}
    assert make(settings(broker_url, app_id=mine.app_id, partitions=2), topics) == {}
    larger = settings(broker_url, app_id=mine.app_id, partitions=5)
    faults = make(larger, [*topics, Wanted(larger.shards_topic, exact=True)])
    assert faults.keys() == {topic.name for topic in topics}
    for name, fault in faults.items():
        assert f"{name} has 3 partitions, the router needs at least 5" in fault
        assert f"kafka-topics.sh --alter --topic {name} --partitions 5" in fault
