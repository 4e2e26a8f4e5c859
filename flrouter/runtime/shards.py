"""The shards of this worker: taken over after a rebalance, let go of before one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from faust.types import TP
from mode import Service

from flrouter.core.effects import CatchUp, Effects, End
from flrouter.core.ingress import NOWHERE, Ingress
from flrouter.core.inputs import Input
from flrouter.core.shard import Shard
from flrouter.runtime.at_least_once import AtLeastOnce
from flrouter.runtime.batch import Batch
from flrouter.runtime.catchup import CatchUps
from flrouter.runtime.clock import now_ms
from flrouter.runtime.directory import Directory
from flrouter.runtime.ended import Ended
from flrouter.runtime.exactly_once import ExactlyOnce, ShardLost
from flrouter.runtime.fault_log import FaultLog
from flrouter.runtime.feed import Feed
from flrouter.runtime.histogram import Histogram
from flrouter.runtime.lease import Lease
from flrouter.runtime.restore import Progress
from flrouter.runtime.rules import rules_of
from flrouter.runtime.runner import Runner
from flrouter.runtime.standby import Standby
from flrouter.runtime.states import open_copies, restore_states
from flrouter.runtime.store import Copy
from flrouter.runtime.topics import changelog
from flrouter.runtime.writer import Writer
from flrouter.settings import Settings

if TYPE_CHECKING:
    from flrouter.runtime.spans import Spans

#: s; between two looks at what is due.
TICK = 0.05
#: upper bounds of the histogram of how many inputs are decided at once.
BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
#: how full a shard is when it is given commands again.
REFILL = 0.8


class Shards(Service):
    """Owns the runners, and is the world around them."""

    def __init__(self, app: Any, settings: Settings) -> None:
        super().__init__()
        self._app = app
        self._settings = settings
        self.rules = rules_of(settings)
        self.directory = Directory(settings)
        self.lease = Lease(settings.session_timeout, self._prove_membership)
        #: for what nobody's shard says: orders of operators.
        self.writer = Writer(settings, self.directory)
        #: for what all shards say, at least once.
        self._outputs = Writer(settings, self.directory, may_write=lambda: self.lease.valid)
        self._catch_ups = CatchUps(settings, self._progress)
        self._standby = Standby(settings, self._new) if settings.standby else None
        self._spans = _spans(settings) if settings.traces_url else None
        self._runners: dict[int, Runner] = {}
        self._ingresses: dict[TP, Runner] = {}
        #: counts the ownerships; what was fetched under an older one is not taken.
        self.generation = 0
        self._changing = asyncio.Lock()
        #: the inbound partitions that are not read because their shard has enough to do.
        self.held_back: set[TP] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self._fault_log = FaultLog()
        self.ended = Ended()
        self.happenings = Feed()
        self.batches = Histogram(BATCHES)
        self.restoring = Progress()
        #: how often shards were taken over, and so restored.
        self.takeovers = 0
        #: whether records flow to the shards that were dealt to this worker.
        self.serving = False

    def on_init_dependencies(self) -> Iterable[Service]:
        """What must run first."""
        optional = [each for each in (self._standby, self._spans) if each is not None]
        return [self.directory, self.writer, self._outputs, self._catch_ups, *optional]

    async def on_stop(self) -> None:
        """Let go."""
        await self.release()

    # -- what runners need --------------------------------------------------------------------

    def changelog(self, table: str) -> str:
        """The changelog topic of a table."""
        return changelog(self._settings, table)

    def requests_ended(self, number: int, ends: Sequence[End]) -> None:
        """Remember requests that have had their answer."""
        self.ended.take(number, ends)

    def effects_done(self, number: int, effects: Effects) -> None:
        """Count and log what happened."""
        self.counts.update(effects.counts)
        if effects.inputs:
            self.batches.add(effects.inputs)
        self.happenings.take(effects, now_ms())
        for note in effects.notes:
            self.log.info("shard %d: %s", number, note, extra={"shard": number})
        if effects.faults:
            self._fault_log.take(number, effects.faults)
        if effects.spans and self._spans is not None:
            self._spans.send(effects.spans)
        if effects.membership_changed:
            self._app.membership.changed()

    async def catch_up(self, number: int, wanted: CatchUp) -> None:
        """Return when all that FL wrote until now was read and has come to shard `number`."""
        await self._catch_ups.caught_up(wanted.floodlight, number)

    async def _prove_membership(self) -> bool:
        return bool(await self._app.consumer.prove_membership())

    def _progress(self, topic: str, partition: int) -> int | None:
        runner = self._runners.get(partition)
        return runner.progress.get(TP(topic, partition)) if runner is not None else None

    # -- what agents need ---------------------------------------------------------------------

    async def feed(self, batch: Batch, inputs: Sequence[Input]) -> None:
        """Give what an agent read from a batch to the shard that it belongs to."""
        runner = None
        if batch.generation == self.generation:
            runner = self._ingresses.get(batch.tp) or self._runners.get(batch.tp.partition)
        if runner is None:
            batch.fetch.take()
        else:
            await runner.offer(batch, inputs)
            if batch.tp.topic in self._settings.inbound_topics:
                self._hold_back(runner)
        # All shards begin at once: what they write then travels together.
        if batch.fetch.feed():
            for each in (*self._runners.values(), *self._ingresses.values()):
                each.begin()

    def idle(self, tp: TP, handed: int, position: int) -> None:
        """A partition brings nothing: it was read up to `position`, past the markers of
        transactions and past records that are gone; its last record was before `handed`.
        """
        runner = self._ingresses.get(tp) or self._runners.get(tp.partition)
        if runner is not None and handed < position:
            runner.idle(tp, handed, position)

    # -- ownership ----------------------------------------------------------------------------

    @property
    def numbers(self) -> Iterable[int]:
        """The shards that this worker owns."""
        return self._runners.keys()

    def owned(self) -> Iterable[Shard]:
        """Their state."""
        for runner in self._runners.values():
            assert isinstance(runner.core, Shard)
            yield runner.core

    def shard(self, number: int) -> Shard | None:
        """The state of one of them."""
        runner = self._runners.get(number)
        return runner.core if runner is not None and isinstance(runner.core, Shard) else None

    def waiting(self, number: int) -> int:
        """How many records were read for a shard, and wait to be decided."""
        return self._runners[number].waiting if number in self._runners else 0

    def lag(self) -> dict[TP, int]:
        """How many records lie unread in each partition that this worker reads.

        Of those that were ever fetched: nobody knows the end of another one.
        """
        found: dict[TP, int] = {}
        for runner in (*self._runners.values(), *self._ingresses.values()):
            for tp, position in runner.progress.items():
                end = self._app.consumer.end(tp)
                if end is not None:
                    found[tp] = max(end - position, 0)
        return found

    def floodlights(self) -> dict[str, bool]:
        """The FLs that these shards have heard of, and whether each is known still."""
        newest: dict[str, tuple[int, bool]] = {}
        for core in self.owned():
            for name, state in core.context.floodlights.items():
                if state.number:
                    found = (state.number, state.known)
                    newest[name] = max(newest.get(name, found), found)
        return {name: known for name, (_, known) in newest.items()}

    async def take_over(self, assigned: set[TP]) -> int | None:
        """Restore the shards of `assigned` and set them to work.

        Returns the generation under which they are owned; None when they were lost again
        meanwhile. Before records flow the caller must see that it is still the present one.
        """
        async with self._changing:
            generation = self.generation
            own = {tp.partition for tp in assigned if tp.topic == self._settings.shards_topic}
            catalog = self._settings.message_catalog
            cores, followed = await self._standby.hand_over(own) if self._standby else ({}, {})
            cores |= {number: self._new(number) for number in own - cores.keys()}
            ingresses = {tp: Ingress(self.rules, catalog) for tp in await self._foreign(assigned)}
            guarantees = {owner: self._guarantee(owner) for owner in (*cores, *ingresses)}
            copies = open_copies(self._settings, own)
            try:
                if self._settings.guarantee == "exactly_once":
                    await self._fence(assigned, guarantees.values(), generation)
                count = await restore_states(
                    self._settings, cores, copies, followed, self.restoring
                )
                self.takeovers += len(cores)
                positions = await self._app.consumer.positions(assigned)
            except BaseException:
                await _close(guarantees.values(), copies.values())
                raise
            if generation != self.generation:
                await _close(guarantees.values(), copies.values())
                return None
            for number, core in cores.items():
                core.restored(now_ms())
                begin = {
                    tp: at
                    for tp, at in positions.items()
                    if tp.partition == number and tp not in ingresses
                }
                copy, guarantee = copies.get(number), guarantees[number]
                self._runners[number] = Runner(number, core, self, guarantee, copy, begin)
            for tp, ingress in ingresses.items():
                begin = {tp: positions[tp]}
                runner = Runner(NOWHERE, ingress, self, guarantees[tp], begin=begin)
                self._ingresses[tp] = runner
            if self._settings.guarantee == "at_least_once":
                self._app.consumer.acknowledge(positions)
                await self.lease.renew()
            for runner in (*self._runners.values(), *self._ingresses.values()):
                if generation != self.generation:
                    return None  # a rebalance has begun, and has closed them
                await self.add_runtime_dependency(runner)
            self.log.info("took over shards %s with %d records", sorted(own), count)
            if self._standby is not None:
                await self._standby.follow(set(range(self._settings.partitions)) - own)
            self._app.membership.changed()
            return generation

    def _new(self, number: int) -> Shard:
        return Shard(number, self.rules, self._settings.message_catalog)

    async def _foreign(self, assigned: set[TP]) -> list[TP]:
        """The partitions of inbound topics that have other partitions than there are shards."""
        counts = {
            topic: await self.directory.partitions(topic) for topic in self._settings.inbound_topics
        }
        return [
            tp
            for tp in assigned
            if counts.get(tp.topic, self._settings.partitions) != self._settings.partitions
        ]

    def _guarantee(self, owner: int | TP) -> AtLeastOnce | ExactlyOnce:
        settings = self._settings
        if settings.guarantee == "at_least_once":
            acknowledge = self._app.consumer.acknowledge
            return AtLeastOnce(self._outputs, self.lease, self.rules, acknowledge)
        name = str(owner) if isinstance(owner, int) else f"{owner.topic}-{owner.partition}"
        return ExactlyOnce(settings, self.directory, self.rules, f"{settings.app_id}-{name}")

    async def _fence(
        self,
        assigned: set[TP],
        guarantees: Iterable[AtLeastOnce | ExactlyOnce],
        generation: int,
    ) -> None:
        """Make sure that no worker before this one still writes, then begin where it committed.

        In this order: an owner that is fenced cannot commit after its offsets were read. Whoever
        is no member of the group any more must not fence those who are; that is asked without a
        commit, which could undo the last one of an owner that was killed in the middle of it.
        """
        if not await self._app.consumer.is_member():
            raise ShardLost("the coordinator does not know this worker any more")
        for guarantee in guarantees:
            assert isinstance(guarantee, ExactlyOnce)
            if generation != self.generation:
                return  # these may be somebody else's by now; the caller sees it too
            await guarantee.open()
        await self._app.consumer.rewind(await self._catch_ups.begin(assigned))

    def lost(self, number: int, error: Exception) -> None:
        """A shard's state is ahead of what is durable: take all over anew."""
        self.log.warning("shard %d: %s", number, error)
        self._app.tables.recovery.again()

    def _hold_back(self, runner: Runner) -> None:
        """Leave commands in Kafka while their shard is full."""
        if not isinstance(runner.core, Shard):
            return
        load, number = runner.core.load(runner.waiting), runner.number
        inbound = {TP(topic, number) for topic in self._settings.inbound_topics}
        inbound -= self._ingresses.keys()
        if load >= 1 and not inbound <= self.held_back:
            self.held_back |= inbound
            self._app.consumer.pause_partitions(inbound)
            self.log.warning("shard %d is full: reading no more commands", number)
        elif load < REFILL and inbound & self.held_back:
            self.held_back -= inbound
            self._app.consumer.resume_partitions(inbound)
            self.log.info("shard %d has room again", number)

    async def release(self) -> None:
        """Finish what is in hand, commit it, and own nothing."""
        self.generation += 1
        self.serving = False
        runners = [*self._runners.values(), *self._ingresses.values()]
        if not runners:
            return
        numbers = sorted(self._runners)
        timeout = self._settings.session_timeout / 2
        if not all(await asyncio.gather(*(runner.close(timeout) for runner in runners))):
            self._outputs.abandon()  # it may be able to write again when the shards are others'
        for runner in runners:
            with contextlib.suppress(ValueError):
                self._children.remove(runner)
        await self._app.consumer.commit()
        self._app.consumer.forget()
        self._runners.clear()
        self._ingresses.clear()
        self.held_back.clear()  # only now: until then a tick may still hold something back
        self.log.info("let go of shards %s", numbers)

    @Service.task
    async def _tick(self) -> None:
        while not self.should_stop:
            await self.sleep(TICK)
            self._fault_log.tick()
            for runner in (*self._runners.values(), *self._ingresses.values()):
                runner.tick()
                self._hold_back(runner)
            if self._runners and self._settings.guarantee == "at_least_once" and self.lease.fading:
                await self.lease.renew()


def _spans(settings: Settings) -> Spans:
    """Made only where traces are: OpenTelemetry is an extra."""
    from flrouter.runtime.spans import Spans

    return Spans(settings)


async def _close(guarantees: Iterable[AtLeastOnce | ExactlyOnce], copies: Iterable[Copy]) -> None:
    """Let go of what a takeover had opened when it failed."""
    for guarantee in guarantees:
        await guarantee.close()
    for copy in copies:
        copy.close()
