"""A producer of aiokafka's that can be given up. It sends one request to each broker, whatever
partitions that is for; librdkafka sends one for each partition (confluentinc/librdkafka#1700).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed, UnknownTopicOrPartitionError

from flrouter.ports import Offsets, Partition

#: how long brokers may take to tell of a partition that is new to a producer.
LOOK_TIMEOUT_S = 5.0
#: how long requests may take to end, and connections to close: those to a frozen broker never do.
DISCONNECT_S = 1.0
#: what aiokafka says of a partition that it does not know, or that has no leader.
NO_LEADER = (None, -1)


class Link:
    """A producer. Give it one batch of a partition at a time."""

    def __init__(self, **arguments: Any) -> None:
        """`arguments` are those of :class:`aiokafka.AIOKafkaProducer`. Needs a running loop."""
        self._producer = AIOKafkaProducer(acks="all", **arguments)
        #: batches that aiokafka has, whose fate is not known.
        self._under_way: set[asyncio.Future[Any]] = set()
        self._ended = False

    async def open(self) -> None:
        """Connect, and fence whoever had the transactional id before.

        Raises:
            KafkaError: no broker answers.
        """
        starting = asyncio.ensure_future(self._producer.start())
        try:
            await asyncio.shield(starting)
        except BaseException:
            # Cancelled while it asks for metadata, aiokafka would leave a connection behind.
            self._ended = self._producer._closed = True
            try:
                await asyncio.wait({starting}, timeout=DISCONNECT_S)
                starting.cancel()
                await asyncio.wait({starting})
            finally:
                starting.cancel()
                await self.close(0.0)
            raise
        self._producer._sender.sender_task.add_done_callback(self._end)

    def batch(self) -> Any:
        """A builder of a batch, to be filled."""
        return self._producer.create_batch()

    async def deliver(self, batch: Any, at: Partition) -> int:
        """Write a batch; returns the offset of its first record.

        Raises:
            UnknownTopicOrPartitionError: there is no such partition, or no broker leads it now;
                nothing was sent.
            KafkaError: it is not known whether the batch is durable. An idempotent producer can
                write nothing more to its partition then.
        """
        if self._ended:
            raise ProducerClosed
        client = self._producer.client
        leader, partition = client.cluster.leader_for_partition, TopicPartition(*at)
        if leader(partition) in NO_LEADER:
            # This asks for all topics: brokers may make one that is asked for by its name.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await client.force_metadata_update()
            if leader(partition) in NO_LEADER:
                raise UnknownTopicOrPartitionError
        delivery = await self._producer.send_batch(batch, at.topic, partition=at.number)
        self._under_way.add(delivery)
        try:
            offset: int = (await delivery).offset
        finally:
            self._under_way.discard(delivery)
        if offset < 0:
            raise KafkaError("the broker does not tell where a batch lies")
        return offset

    async def begin(self) -> None:
        """Begin a transaction."""
        if self._ended:
            raise ProducerClosed
        await self._producer.begin_transaction()
        ending = self._producer._txn_manager.wait_for_transaction_end()
        ending.add_done_callback(self._stop_if_failed)

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        """Commit these of a group with the transaction."""
        if offsets:
            positions = {TopicPartition(*at): offset for at, offset in offsets.items()}
            await self._producer.send_offsets_to_transaction(positions, group)

    async def commit(self) -> None:
        """Commit the transaction, all of which was delivered."""
        await self._producer.commit_transaction()

    async def close(self, timeout_s: float) -> None:
        """Deliver what is under way, as far as that is done within some time, and disconnect."""
        self._ended = self._producer._closed = True
        try:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=timeout_s)
        finally:  # also for who waits no longer: a sender that is left would go on writing
            await self._disconnect()

    async def _disconnect(self) -> None:
        self._give_up()
        # `stop()` would wait without end for what no broker takes (aio-libs/aiokafka#1101).
        sender = self._producer._sender.sender_task
        if sender is not None:
            sender.cancel()  # it sends nothing more, and waits for its requests
            await asyncio.wait({sender}, timeout=DISCONNECT_S)
            sender.cancel()  # and no longer for one that nobody answers
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCONNECT_S):
                await self._producer.client.close()

    def _stop_if_failed(self, ending: asyncio.Future[None]) -> None:
        """Send nothing more of a transaction that can only be aborted, and tell all why.

        aiokafka would go on with partitions that its coordinator does not know. A broker refuses
        those batches, which does not tell what failed; or takes them, and nothing ever ends them.
        """
        if ending.cancelled() or (why := ending.exception()) is None:
            return
        self._ended = True
        self._producer._sender.sender_task.cancel()
        self._give_up(why)

    def _end(self, sender: object) -> None:
        """Nothing is sent any more: whoever waits is told, once what was heard is told."""
        self._ended = True
        asyncio.get_running_loop().call_soon(self._give_up)

    def _give_up(self, why: BaseException | None = None) -> None:
        for delivery in self._under_way:
            if not delivery.done():
                delivery.set_exception(why or ProducerClosed())
