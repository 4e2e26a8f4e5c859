"""Which topics there are, and how it is said that a record fits none of them."""

from __future__ import annotations

from typing import Protocol

from confluent_kafka import KafkaError

from flrouter.ports import Partition

#: how brokers and librdkafka say that a record is too large, and that there is no such topic.
TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}
NO_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_EXCEPTION,
}


class Topics(Protocol):
    """Knows which topics there are: a :class:`~flrouter.kafka.cluster.directory.Directory`."""

    def known(self, topic: str) -> int | None:
        """How many partitions a topic has, from memory alone."""

    async def look(self) -> None:
        """Ask the brokers, unless that was done a moment ago."""

    async def look_again(self) -> None:
        """Ask the brokers, whatever they said before: a topic may be younger than that."""


def misplaced(topics: Topics, at: Partition) -> str:
    """Why nothing can be written there; nothing when it can, or nobody knows the topic."""
    count = topics.known(at.topic)
    if count is None or at.number < count:
        return ""
    return f"Topic {at.topic} has no partition {at.number}, only {count} in all."
