"""What the consumer group has committed, asked without being a member of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from flrouter.kafka.librdkafka import reading
from flrouter.ports import Partition
from flrouter.settings.model import Settings

#: how long the coordinator may take.
TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Committed:
    """Asks the group's coordinator. With `exactly_once` it waits for transactions to be decided."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._lock = threading.Lock()

    def ask(self, partitions: Collection[Partition]) -> dict[Partition, int] | None:
        """The offset of each partition that has one; None when nobody answers. Blocks."""
        if not partitions:
            return {}
        with self._lock:
            try:
                if self._consumer is None:
                    self._consumer = Consumer(reading(self._settings))
                answers = self._consumer.committed(
                    [TopicPartition(*at) for at in partitions], TIMEOUT_S
                )
            except KafkaException as error:
                log.warning("cannot read the committed offsets: %s", error)
                return None
        offsets: dict[Partition, int] = {}
        for answer in answers:
            if answer.error is not None:
                log.warning("no committed offset of %s: %s", answer.topic, answer.error)
                return None
            if answer.offset >= 0:
                offsets[Partition(answer.topic, answer.partition)] = answer.offset
        return offsets

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None
