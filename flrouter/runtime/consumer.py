"""The consumer: whole fetches instead of single messages, and commits that keep their promise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from flrouter.repairs import repair
from flrouter.runtime.batch import Batch, Fetch, as_message
from flrouter.runtime.clients import fetch_wait, isolation
from flrouter.runtime.on_demand import OnDemand
from flrouter.runtime.raw_records import RawRecords

#: s; how often what is acknowledged is committed. A kill repeats at most this much.
COMMIT_INTERVAL = 0.1

#: s; how long a fetch may wait for records in the client.
FETCH_TIMEOUT = 0.3
#: s; how long the next fetch waits for shards to begin with the last; one may stand still.
TAKEN_TIMEOUT = 0.05
#: s; how long it waits for each partition that it asks for, as each is work, once the last brought
#: as many records as FULL; a square's part of that when it brought fewer. So records come in
#: batches under load, and at once otherwise (docs/performance.md).
PAUSE = 0.000_15
#: records.
FULL = 1_000
#: s; how long a takeover waits to be told where to read on.
POSITIONS_TIMEOUT = 10.0
#: s; between two looks at partitions that bring nothing.
IDLE_INTERVAL = 0.25


class Fetched(dict[Any, Any]):
    """Records by partition, and the generation of the shards that they are for."""

    def __init__(self, records: Mapping[Any, Any], generation: int) -> None:
        super().__init__(records)
        self.generation = generation


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka reads and sends heartbeats."""

    _fetches: OnDemand

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher
        fetcher._records = RawRecords()
        self._fetches = OnDemand(fetcher)

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Upstream hard-codes a fetch wait of 1500 ms."""
        repair(embedded=self.app.settings.embedded)
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = fetch_wait(self.app.settings)
        consumer._isolation_level = isolation(self.app.settings)
        return consumer

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Fetched:
        """Fetch, and know which ownership of the shards the records belong to.

        A fetch may outlive a rebalance and bring records of the new assignment before its shards
        are taken over; it is undone then, or those records would be lost until the next one.
        """
        with self._fetches.wanted():
            records = await super()._fetch_records(*args, **kwargs)
        # In this order: who stops the flow does so before the generation changes.
        fetched = Fetched(records, self.app.shards.generation)
        if fetched and not self.consumer.flow_active:
            consumer = self._ensure_consumer()
            for tp, found in records.items():
                consumer.seek(tp, found[0].offset)
            fetched.clear()
        return fetched

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; False when the coordinator refuses or is not there.

        Upstream crashes the worker when the broker is away; a commit can wait.
        """
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        wanted = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        if not wanted:
            return False
        try:
            await consumer.commit(wanted)
        except (TimeoutError, KafkaError) as error:
            self.log.info("commit refused: %r", error)
            return False
        return True

    async def positions(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """The next offset to be read of each partition, as soon as all are known.

        Raises:
            IllegalStateError: one is not assigned any more.
            TimeoutError: the coordinator does not tell.
        """
        found: Mapping[TP, int] = await self.call_thread(self._positions, list(tps))
        return found

    async def _positions(self, tps: list[TP]) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        asked = [consumer.position(driver.ensure_aiokafka_TP(tp)) for tp in tps]
        # Bounded: two such calls that wait keep all others from the thread, fetches too.
        found = await asyncio.wait_for(asyncio.gather(*asked), POSITIONS_TIMEOUT)
        return dict(zip(tps, found, strict=True))

    async def is_member(self) -> bool:
        """Whether the coordinator knows this worker, and nobody else has its place."""
        return bool(await self.call_thread(self._heartbeat))

    async def _heartbeat(self) -> bool:
        return bool(await self._ensure_consumer()._coordinator._do_heartbeat())

    def end(self, tp: TP) -> int | None:
        """Where a partition ends, as the last fetch of it said; None when there was none."""
        if self._consumer is None:
            return None
        subscription = self._consumer._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        at = driver.ensure_aiokafka_TP(tp)
        # Read from the main thread: no more than looking into dicts.
        if assignment is None or at not in assignment.tps:
            return None
        end: int | None = assignment.state_value(at).highwater
        return end

    async def known_positions(self) -> Mapping[TP, int]:
        """The next offset to be read of each assigned partition of which it is known now."""
        found: Mapping[TP, int] = await self.call_thread(self._known_positions)
        return found

    async def _known_positions(self) -> Mapping[TP, int]:
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        if assignment is None:
            return {}
        states = ((tp, assignment.state_value(tp)) for tp in assignment.tps)
        return {
            TP(tp.topic, tp.partition): state.position
            for tp, state in states
            if state is not None and state.has_valid_position
        }


class Consumer(driver.Consumer):
    """Hands whole fetches to the agents; a batch's offsets are acknowledged by its shard.

    Upstream acknowledges when an agent takes the next message. Here an agent only hands records
    on, and the shard acknowledges once all that follows from them is durable.
    """

    _acknowledged: dict[TP, int]
    #: those of them that are not committed.
    _news: dict[TP, int]
    #: the offset after the last record handed to the shard.
    _handed: dict[TP, int]

    def on_init(self) -> None:
        """Begin with nothing to commit."""
        self._acknowledged = {}
        self._news = {}
        self._handed = {}

    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading ------------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        """Read fetch after fetch; upstream wraps every message in four tasks, and yields then."""
        app = self.app
        look_at = 0.0
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                fetched, _ = await self._wait_next_records(FETCH_TIMEOUT)
                generation = getattr(fetched, "generation", app.shards.generation)
                if monotonic() > look_at:
                    look_at = monotonic() + IDLE_INTERVAL
                    await self._look_at_idle(generation, fetched or {})
                if not fetched:
                    await asyncio.sleep(0)
                    continue
                await self.wait_first(self._hand_on(fetched, generation), self.suspend_flow.wait())
        except self.consumer_stopped_errors:
            if not app.should_stop:
                raise
        except asyncio.CancelledError:
            if not app.should_stop:
                raise

    async def _hand_on(self, fetched: Mapping[Any, Any], generation: int) -> None:
        """Give what was fetched to the agents; a rebalance interrupts it."""
        app = self.app
        parts = [(tp, records) for tp, records in fetched.items() if records]
        fetch = Fetch(len(parts))
        topics: dict[str, list[Batch]] = {}
        for at, records in parts:
            tp = TP(at.topic, at.partition)
            topics.setdefault(tp.topic, []).append(Batch(tp, records, generation, fetch))
        for batches in topics.values():
            if not self.flow_active or generation != app.shards.generation:
                return  # whoever owns the partition then reads it again
            # Whatever was fetched is handed on: its position has moved on already. A partition
            # may have left the active ones meanwhile, when a queue filled up.
            for batch in batches:
                self._handed[batch.tp] = batch.next_offset
            await self.callback(as_message(batches, app.consumer_generation_id))
        # The more there is to do, the more is to come at once, and the less each record costs.
        if parts:
            brought = sum(len(records) for _, records in parts)
            pause = PAUSE * len(self.assignment()) * min(1.0, brought / FULL) ** 2
            await asyncio.gather(fetch.taken(TAKEN_TIMEOUT), asyncio.sleep(pause))

    async def _look_at_idle(self, generation: int, fetched: Mapping[TP, Any]) -> None:
        """Tell shards how far partitions were read that brought nothing lately.

        What was read last may be the marker of a transaction, or nothing where compaction took
        the last records; only the position knows. No fetch is under way here.
        """
        positions = await self._thread.known_positions()
        if self.flow_active and generation == self.app.shards.generation:
            for tp, position in positions.items():
                handed = self._handed.get(tp, 0)
                if handed < position and tp not in fetched:
                    self.app.shards.idle(tp, handed, position)

    def track_message(self, message: Any) -> None:
        """Nothing: shards know what they have in hand."""

    def ack(self, message: Any) -> bool:
        """Nothing: an agent's being done with a batch does not mean that it is safe."""
        return True

    # -- committing ---------------------------------------------------------------------------

    def acknowledge(self, positions: Mapping[TP, int]) -> None:
        """These are the next offsets to read; all before them is done with."""
        self._acknowledged.update(positions)
        self._news.update(positions)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what was acknowledged since the last commit."""
        return bool(self._news) and await self.commit_now(dict(self._news))

    async def prove_membership(self) -> bool:
        """Commit something, new or not; False when the coordinator does not know this worker."""
        return await self.commit_now(dict(self._acknowledged))

    async def is_member(self) -> bool:
        """Whether the coordinator knows this worker; asks without committing anything."""
        return await self._thread.is_member()

    async def commit_now(self, offsets: Mapping[TP, int]) -> bool:
        """Commit these offsets; False when the coordinator does not know this worker."""
        asked_at = monotonic()
        if not offsets or not await self._commit(offsets):
            return False
        for tp, offset in offsets.items():
            if self._news.get(tp) == offset:
                del self._news[tp]
        self.app.shards.lease.renewed(asked_at)
        return True

    def forget(self) -> None:
        """The partitions are somebody else's: what is not committed by now must not be."""
        self._acknowledged.clear()
        self._news.clear()
        self._handed.clear()

    async def wait_empty(self) -> None:
        """Let shards finish what they have in hand, and commit it."""
        await self.app.shards.release()

    @Service.task
    async def _commit_handler(self) -> None:
        while not self.should_stop:
            await self.sleep(COMMIT_INTERVAL)
            await self.commit()

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """Upstream compares two different clocks here and cries wolf (docs/faust.md)."""

    # -- rebalancing --------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit before the bookkeeping is dropped: the cure for upstream's F#502."""
        if revoked and not self.app.should_stop:
            self.log.info("a rebalance begins: letting go of %d partitions", len(revoked))
            await self.let_go()
        await super().on_partitions_revoked(revoked)

    async def let_go(self) -> None:
        """Read no more, let the shards finish and commit what they have in hand, and drop them."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self.app.shards.release()

    async def rewind(self, offsets: Mapping[TP, int]) -> None:
        """Read on from these offsets."""
        if offsets:
            await self._thread.seek_wait(offsets)

    async def perform_seek(self) -> None:
        """Nothing: after a rebalance aiokafka itself begins at the committed offsets, and it
        asks for all of them at once; no record is read in between.
        """

    def end(self, tp: TP) -> int | None:
        """Where a partition ends, as far as is known."""
        return self._thread.end(tp)

    async def positions(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """The next offset to be read of each partition."""
        found: Mapping[TP, int] = await self._thread.positions(tps)
        return found
