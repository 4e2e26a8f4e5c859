"""A producer of aiokafka's that can be given up. It sends one request to each broker, whatever
partitions that is for; librdkafka sends one for each partition (confluentinc/librdkafka#1700).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed, UnknownTopicOrPartitionError

from flrouter.ports import Partition

#: how long brokers may take to tell of a partition that is new to a producer.
LOOK_TIMEOUT_S = 5.0


class Link:
    """A producer. Give it one batch of a partition at a time."""

    def __init__(self, **arguments: Any) -> None:
        """`arguments` are those of :class:`aiokafka.AIOKafkaProducer`. Needs a running loop."""
        self._producer = AIOKafkaProducer(acks="all", **arguments)

    async def open(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        try:
            await self._producer.start()
        except BaseException:
            await self.close(0.0)
            raise

    def batch(self) -> Any:
        """A builder of a batch, to be filled."""
        return self._producer.create_batch()

    async def deliver(self, batch: Any, at: Partition) -> int:
        """Write a batch; returns the offset of its first record.

        Raises:
            UnknownTopicOrPartitionError: there is no such partition.
            KafkaError: it is not known whether the batch is durable. An idempotent producer can
                write nothing more to its partition then.
        """
        client = self._producer.client
        leader, partition = client.cluster.leader_for_partition, TopicPartition(*at)
        if leader(partition) is None:
            # This asks for all topics: brokers may make one that is asked for by its name.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await client.force_metadata_update()
            if leader(partition) is None:
                raise UnknownTopicOrPartitionError
        delivery = await self._producer.send_batch(batch, at.topic, partition=at.number)
        offset: int = (await delivery).offset
        if offset < 0:
            raise KafkaError("the broker does not tell where a batch lies")
        return offset

    async def close(self, timeout_s: float) -> None:
        """Deliver what is under way, as far as that is done within some time, and disconnect."""
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(timeout_s):
                await self._producer.stop()
        # aiokafka goes on for ever with what no broker takes, and has no public way to end that.
        if (task := self._producer._sender.sender_task) is not None:
            task.cancel()
        self._producer._message_accumulator.fail_all(ProducerClosed())
        await self._producer.client.close()
