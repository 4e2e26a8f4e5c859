"""The consumer: a member of the group that reads nothing, and gives the agents what readers read.

It is aiokafka's, through Faust. Its partitions are paused from the moment in which they are
assigned, so it fetches nothing; the shards' own readers do (`flrouter/kafka/`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

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

from flrouter.ports import Offsets, Partition
from flrouter.runtime.batch import Fetched, Look, as_message

if TYPE_CHECKING:
    from flrouter.faust_side.app import RouterApp
    from flrouter.kafka.reader import Batch

#: how long the coordinator may take to answer.
PATIENCE_S = 10.0
#: between two signs of life, without which aiokafka leaves the group.
SIGN_INTERVAL_S = 1.0
#: what aiokafka has for a generation while it is no member.
NO_GENERATION = OffsetCommitRequest.DEFAULT_GENERATION_ID
_DEALING = {RebalanceInProgressError, IllegalGenerationError}
_OTHER_COORDINATOR = {GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError}

_Method = TypeVar("_Method", bound=Callable[..., Any])

log = logging.getLogger(__name__)


def answer_of(errors: Collection[type[KafkaError]]) -> bool | None:
    """Whether we are a member, by the coordinator's answers to a request under our generation.

    None where our generation is old: we have joined a newer one, and hear soon what we own.
    """
    if UnknownMemberIdError in errors:
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


def _in_thread(method: _Method) -> _Method:
    """Run a method in its object's thread, whoever calls it."""

    async def call(self: Any, *args: Any) -> Any:
        return await self.call_thread(method, self, *args)

    return cast("_Method", call)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka sends heartbeats; this worker's place in the group."""

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pause them before anything of them is fetched: aiokafka asks where to begin first."""
        self._ensure_consumer().pause(*map(driver.ensure_aiokafka_TP, assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    @_in_thread
    async def sign(self) -> None:
        """Show that the event loop runs: ask for records, of which there are none."""
        with contextlib.suppress(ConsumerStoppedError):
            await self._ensure_consumer().getmany(timeout_ms=0)

    @property
    def _coordinator(self) -> Any:
        return self._ensure_consumer()._coordinator

    @property
    def is_member(self) -> bool:
        """Whether the coordinator has taken this worker in, and not said since that it is none."""
        return self._consumer is not None and self._coordinator.generation != NO_GENERATION

    @_in_thread
    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows this worker under its generation."""
        coordinator = self._coordinator
        request = HeartbeatRequest(coordinator.group_id, generation, coordinator.member_id)
        response = await self._ask(request)
        codes = None if response is None else {response.error_code}
        # Only members of this generation get this error.
        return codes == {RebalanceInProgressError.errno} or self._answer(codes)

    @_in_thread
    async def commit_under(self, generation: int, offsets: Offsets) -> bool | None:
        """Commit; upstream crashes the worker when the broker is away."""
        topics: dict[str, list[tuple[int, int, str]]] = {}
        for at, offset in offsets.items():
            topics.setdefault(at.topic, []).append((at.number, offset, ""))
        coordinator = self._coordinator
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
        if not self.is_member:
            return None
        coordinator = self._coordinator
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
            self._coordinator.coordinator_dead()
        return answer_of(errors)

    @_in_thread
    async def deal_again(self) -> None:
        """Have the group deal anew."""
        self._coordinator.request_rejoin()

    @_in_thread
    async def leave(self, generation: int) -> None:
        """Leave the group, if this is still the generation; aiokafka joins it anew by itself."""
        if self._coordinator.generation == generation:
            await self._coordinator._maybe_leave_group()


class Consumer(driver.Consumer):
    """Between the group, the shards and the agents."""

    app: RouterApp
    RebalanceListener = RebalanceListener
    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

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
        for batch in batches:
            # Others' partitions are left out: their owners read them again.
            if self.app.shards.ownership.reads(batch.at, batch.term):
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

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The group deals anew: shards go on, unless others of it believe that they do not."""
        app = self.app
        if app.should_stop:
            if not app.shards.ownership.held:
                await super().on_partitions_revoked(revoked)
        elif not self.member.is_member:
            app.shards.ownership.evicted()
        elif not app.assignor.all_hold:
            self.log.info("rebalancing: releasing %d partitions", len(revoked))
            await app.shards.let_go()

    @property
    def member(self) -> ConsumerThread:
        """This worker's place in the group."""
        return self._thread

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let the agents have what comes, and the shards be restored."""
        app, assignor = self.app, self.app.assignor
        if app.should_stop and app.shards.ownership.held:
            if app.shards.ownership.held.issubset(assignor.told):
                app.shards.group.generation = generation_id  # under which the rest is committed
            else:
                app.shards.ownership.evicted()
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
        # Only now: of shards that are not this worker's any more nothing must be committed.
        app.shards.group.generation = generation_id
        app.shards.assigned(owned, assignor.told, assignor.moving)

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
