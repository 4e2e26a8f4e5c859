"""All FLs of one contender in one process: each acknowledges a command at once, then answers it.

The answer is the command itself, sent back: what OpenKilda's FLs do with flow commands. Both go to
the partition that the command came on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from benchmarks import messages
from benchmarks.clients import settings
from benchmarks.layout import Layout, from_environment

#: messages taken from the client at once.
MOST = 2_000


class Floodlights:
    """The FLs of `layout`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._of = dict(zip(layout.read_topics, layout.floodlight_ids, strict=True))
        self._writes = dict(zip(layout.read_topics, layout.write_topics, strict=True))
        self._ack = messages.ack_around()
        self._producer = Producer(settings.producer(layout))
        self._consumer = Consumer(settings.consumer(layout))
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in layout.read_topics
                for partition in range(layout.partitions)
            ]
        )

    def run(self) -> None:
        """Serve until killed."""
        consumer, producer = self._consumer, self._producer
        while True:
            first = consumer.poll(0.1)
            producer.poll(0)
            if first is not None:
                self._serve([first, *consumer.consume(MOST, timeout=0)])

    def _serve(self, batch: Iterable[Message]) -> None:
        produce = self._producer.produce
        before, after = self._ack
        for message in batch:
            value, topic, partition = message.value(), message.topic(), message.partition()
            if value is None or topic is None:
                continue  # an error that librdkafka gets over by itself
            name = messages.id_in(value)
            to, key = self._writes[topic], message.key()
            if messages.ALIVE_MARK in value:
                alive = name.join(messages.alive_around(self._of[topic]))
                produce(to, alive, key, partition)
                continue
            produce(to, before + name + after, key, partition)
            if messages.SYNC_MARK in value:
                self._list_switches(topic, name.decode(), partition)
            else:
                produce(to, value, key, partition)

    def _list_switches(self, topic: str, correlation: str, partition: int | None) -> None:
        """Answer a sync with the chain of all switches of an FL."""
        layout = self._layout
        own = range(layout.read_topics.index(topic), layout.switches, layout.floodlights)
        for index, switch in enumerate(own):
            link = messages.sync_link(correlation, switch, index, len(own))
            self._producer.produce(self._writes[topic], link, partition=partition)


if __name__ == "__main__":
    floodlights = Floodlights(from_environment())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    floodlights.run()
