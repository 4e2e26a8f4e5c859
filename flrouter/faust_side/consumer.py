"""The consumer: a member of the group that reads nothing, and hands the agents what others read.

It is aiokafka's, through Faust. Its partitions are paused from the moment in which they are
assigned, so it fetches nothing; the shards' own readers do (`flrouter/kafka/`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aiokafka.errors import (
    ConsumerStoppedError,
    GroupCoordinatorNotAvailableError,
    IllegalGenerationError,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest
from faust.transport import conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from flrouter.ports import Partition
from flrouter.runtime.batch import Fetched, Look, as_message

if TYPE_CHECKING:
    from flrouter.faust_side.app import RouterApp
    from flrouter.kafka.reader import Batch

#: s; how long the coordinator may take with an answer.
PATIENCE_S = 10.0
#: s; between two signs of life to aiokafka, which leaves the group without them.
SIGN_INTERVAL_S = 1.0
#: aiokafka's generation of who is no member.
NO_GENERATION = OffsetCommitRequest.DEFAULT_GENERATION_ID
_NO_MEMBER = {UnknownMemberIdError}
_DEALING = {RebalanceInProgressError, IllegalGenerationError}
_OTHER_COORDINATOR = {GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError}

log = logging.getLogger(__name__)


def answer_of(errors: Collection[type[KafkaError]]) -> bool | None:
    """Whether we are a member, by what the coordinator says of a request under our generation.

    Who is known under a newer generation alone has joined that, and will be told what it owns.
    """
    if _NO_MEMBER.intersection(errors):
        return False
    wrong = set(errors) - {NoError}
    if wrong - _DEALING:
        log.info("the group coordinator says %s", sorted(error.__name__ for error in wrong))
    return None if wrong else True


class RebalanceListener(driver.ConsumerRebalanceListener):
    """Hides aiokafka's generations from Faust's streams.

    They skip messages of older ones; but shards that this worker keeps go on with what they have.
    """

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """A rebalance is over."""
        thread = self._thread
        generation = thread._ensure_consumer()._coordinator.generation
        await thread.on_partitions_assigned(driver.ensure_TPset(assigned), generation)


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

    @property
    def is_member(self) -> bool:
        """Whether the coordinator has taken this worker in, and not said since that it is none."""
        consumer = self._consumer
        return consumer is not None and consumer._coordinator.generation != NO_GENERATION

    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows this worker under its generation."""
        answer: bool | None = await self.call_thread(self._prove, generation)
        return answer

    async def _prove(self, generation: int) -> bool | None:
        coordinator = self._ensure_consumer()._coordinator
        request = HeartbeatRequest(coordinator.group_id, generation, coordinator.member_id)
        response = await self._ask(request)
        codes = None if response is None else {response.error_code}
        # It says so to those alone whom it knows under this generation.
        return codes == {RebalanceInProgressError.errno} or self._answer(codes)

    async def commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        """Commit; upstream crashes the worker when the broker is away."""
        answer: bool | None = await self.call_thread(self._commit_under, generation, offsets)
        return answer

    async def _commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        topics: dict[str, list[tuple[int, int, str]]] = {}
        for at, offset in offsets.items():
            topics.setdefault(at.topic, []).append((at.number, offset, ""))
        coordinator = self._ensure_consumer()._coordinator
        request = OffsetCommitRequest(
            coordinator.group_id,
            generation,
            coordinator.member_id,
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            list(topics.items()),
        )
        response = await self._ask(request)
        if response is None:
            return self._answer(None)
        return self._answer({code for _, parts in response.topics for _, code in parts})

    async def _ask(self, request: Any) -> Any:
        """Ask the coordinator; None when it does not answer, or cannot be asked.

        Not by the connection on which aiokafka waits for the group to deal: brokers answer one
        request after the other, and that wait lasts until the slowest member has joined.
        """
        coordinator = self._ensure_consumer()._coordinator
        if not self.is_member:
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                await coordinator.ensure_coordinator_known()
                return await coordinator._client.send(coordinator.coordinator_id, request)
        except (TimeoutError, KafkaError) as error:
            self.log.info("the group coordinator does not answer: %r", error)
            return None

    def _answer(self, codes: Collection[int] | None) -> bool | None:
        """What the coordinator says, in one word; None: it says nothing."""
        if codes is None or not self.is_member:
            return None if self.is_member else False
        errors = {for_code(code) for code in codes}
        if errors & _OTHER_COORDINATOR:
            self._ensure_consumer()._coordinator.coordinator_dead()
        return answer_of(errors)

    async def deal_again(self) -> None:
        """Have the group deal anew."""
        await self.call_thread(self._deal_again)

    async def _deal_again(self) -> None:
        self._ensure_consumer()._coordinator.request_rejoin()

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
    RebalanceListener = RebalanceListener
    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading ------------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand on look after look; upstream wraps every message in four tasks, and yields then."""
        app = self.app
        try:
            while not (self.should_stop or fetcher.should_stop):
                batches = await app.shards.arrivals.get()
                await self.wait_first(self._hand_on(batches), self.suspend_flow.wait())
        except asyncio.CancelledError:
            if not app.should_stop:
                raise

    async def _hand_on(self, batches: Sequence[Batch]) -> None:
        """Give what was read to the agents; the end of this process interrupts it."""
        topics: dict[str, list[Batch]] = {}
        for batch in filter(self.app.shards.reads, batches):
            topics.setdefault(batch.at.topic, []).append(batch)
        look = Look(len(topics))
        for topic in topics.values():
            message = as_message(Fetched(topic, look), self.app.consumer_generation_id)
            await self.callback(message)

    def track_message(self, message: Any) -> None:
        """Nothing: shards know what they have in hand."""

    def ack(self, message: Any) -> bool:
        """Nothing: an agent's being done with a batch does not mean that it is safe."""
        return True

    # -- the group ----------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The group deals anew: shards go on, unless others of it believe that they do not."""
        app = self.app
        if app.should_stop:
            if not app.shards.held:
                await super().on_partitions_revoked(revoked)
        elif not self.is_member:
            app.shards.evicted()
        elif not app.assignor.all_hold:
            self.log.info("rebalancing: releasing %d partitions", len(revoked))
            await app.shards.let_go()

    @property
    def is_member(self) -> bool:
        """Whether the coordinator has taken this worker in, and not said since that it is none."""
        return self._thread.is_member

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let the agents have what comes, and the shards be restored."""
        app, assignor = self.app, self.app.assignor
        if app.should_stop and app.shards.held:
            if app.shards.held.issubset(assignor.told):
                app.shards.group.generation = generation_id  # under which the rest is committed
            else:
                app.shards.evicted()
            return
        await super().on_partitions_assigned(assigned, generation_id)
        if app.should_stop:
            return
        if not app.flow_control.is_active():
            app.flow_control.resume()  # it empties the agents' queues
        self.resume_flow()
        await app._fetcher.maybe_start()
        app.on_rebalance_end()
        owned = [Partition(tp.topic, tp.partition) for tp in assigned]
        # Only now: what is held may not be this worker's any more, and must not be committed then.
        app.shards.group.generation = generation_id
        app.shards.assigned(owned, assignor.told, assignor.moving)

    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows this worker under its generation."""
        return await self._thread.prove(generation)

    async def commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        """Commit the next offsets to read."""
        return await self._thread.commit_under(generation, offsets)

    async def deal_again(self) -> None:
        """Have the group deal anew."""
        await self._thread.deal_again()

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


class Conductor(conductor.Conductor):
    """Upstream waits 45 s before it reads a topic that was added; an FL should not."""

    _resubscribe_sleep_lock_seconds: float = 0.2


class Transport(driver.Transport):
    """Kafka through aiokafka, fetch by fetch."""

    Consumer: ClassVar[Any] = Consumer
    Conductor: ClassVar[Any] = Conductor
