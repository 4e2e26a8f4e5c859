"""The consumer: a member of the group that reads nothing, and hands the agents what others read.

It is aiokafka's, through Faust. Its partitions are paused from the moment in which they are
assigned, so it fetches nothing; the shards' own readers do (`flrouter/kafka/`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    KafkaError,
    RebalanceInProgressError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from flrouter.ports import Partition
from flrouter.runtime.batch import Fetched, Look, as_message

if TYPE_CHECKING:
    from flrouter.kafka.reader import Batch
    from flrouter.runtime.app import RouterApp

#: s; how long the coordinator may take with an answer.
PATIENCE_S = 10.0
#: s; between two signs of life to aiokafka, which leaves the group without them.
SIGN_INTERVAL_S = 1.0


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka sends heartbeats."""

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pause them before anything of them is fetched: aiokafka asks where to begin first."""
        self._ensure_consumer().pause(*map(driver.ensure_aiokafka_TP, assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def sign(self) -> None:
        """Show that the event loop runs: ask for records, of which there are none."""
        await self.call_thread(self._sign)

    async def _sign(self) -> None:
        with contextlib.suppress(ConsumerStoppedError):
            await self._ensure_consumer().getmany(timeout_ms=0)

    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows this worker under its generation."""
        answer: bool | None = await self.call_thread(self._prove, generation)
        return answer

    async def _prove(self, generation: int) -> bool | None:
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator
        if coordinator.generation != generation:
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                known = await coordinator._do_heartbeat()
        except (TimeoutError, KafkaError):
            return None
        if coordinator.generation != generation:
            return False
        if coordinator.need_rejoin(consumer._subscription.subscription):
            return None  # the group is dealing anew, and will tell
        return True if known else None

    async def commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        """Commit; upstream crashes the worker when the broker is away."""
        answer: bool | None = await self.call_thread(self._commit_under, generation, offsets)
        return answer

    async def _commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        coordinator = self._ensure_consumer()._coordinator
        if coordinator.generation != generation:
            return False
        wanted = {
            TopicPartition(*at): OffsetAndMetadata(offset, "") for at, offset in offsets.items()
        }
        try:
            async with asyncio.timeout(PATIENCE_S):
                # The coordinator's own: the consumer's refuses once a topic was added.
                await coordinator.commit_offsets(None, wanted)
        except CommitFailedError as error:
            return None if isinstance(error.__cause__, RebalanceInProgressError) else False
        except (TimeoutError, KafkaError) as error:
            self.log.info("offsets not committed: %r", error)
            return None
        return True

    async def leave(self, generation: int) -> None:
        """Leave the group, if this is still the generation; aiokafka joins it anew by itself."""
        await self.call_thread(self._leave, generation)

    async def _leave(self, generation: int) -> None:
        coordinator = self._ensure_consumer()._coordinator
        if coordinator.generation == generation:
            await coordinator._maybe_leave_group()


class Consumer(driver.Consumer):
    """Between the group, the shards and the agents."""

    app: RouterApp
    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading ------------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand on look after look; upstream wraps every message in four tasks, and yields then."""
        app = self.app
        try:
            while not (self.should_stop or fetcher.should_stop):
                batches, term = await app.shards.arrivals.get()
                await self.wait_first(self._hand_on(batches, term), self.suspend_flow.wait())
        except asyncio.CancelledError:
            if not app.should_stop:
                raise

    async def _hand_on(self, batches: Sequence[Batch], term: int) -> None:
        """Give what was read to the agents; a rebalance interrupts it."""
        topics: dict[str, list[Batch]] = {}
        for batch in batches:
            topics.setdefault(batch.at.topic, []).append(batch)
        look = Look(term, len(topics))
        for topic in topics.values():
            if term != self.app.shards.term:
                return  # whoever owns the partition then reads it again
            message = as_message(Fetched(topic, look), self.app.consumer_generation_id)
            await self.callback(message)

    def track_message(self, message: Any) -> None:
        """Nothing: shards know what they have in hand."""

    def ack(self, message: Any) -> bool:
        """Nothing: an agent's being done with a batch does not mean that it is safe."""
        return True

    # -- the group ----------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the shards finish and commit what they have in hand, and drop them."""
        if revoked and not self.app.should_stop:
            self.log.info("rebalancing: releasing %d partitions", len(revoked))
            await self.app.shards.let_go()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let the agents have what comes, and the shards be restored."""
        app = self.app
        await super().on_partitions_assigned(assigned, generation_id)
        if app.should_stop:
            return
        app.flow_control.resume()
        self.resume_flow()
        await app._fetcher.maybe_start()
        app.on_rebalance_end()
        owned = [Partition(tp.topic, tp.partition) for tp in assigned]
        await app.shards.assigned(owned, generation_id)

    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows this worker under its generation."""
        return await self._thread.prove(generation)

    async def commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        """Commit the next offsets to read."""
        return await self._thread.commit_under(generation, offsets)

    async def leave(self, generation: int) -> None:
        """Leave the group, and join it anew."""
        await self._thread.leave(generation)

    async def wait_empty(self) -> None:
        """Let shards finish what they have in hand, and commit it."""
        await self.app.shards.let_go()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing: ownership commits what shards acknowledge."""
        return False

    async def perform_seek(self) -> None:
        """Nothing: nothing is read here."""

    @Service.task
    async def _commit_handler(self) -> None:
        """Nothing: the same."""

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """Upstream compares two different clocks here and cries wolf (docs/faust.md)."""

    @Service.task
    async def _show_life(self) -> None:
        while not self.should_stop:
            await self.sleep(SIGN_INTERVAL_S)
            await self._thread.sign()
