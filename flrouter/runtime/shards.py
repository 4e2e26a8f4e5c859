"""The shards of this worker, and the world around them: what `ownership/` decides is done here.

Records come from Kafka by :class:`~flrouter.runtime.log.KafkaLog`, travel through the agents, and
arrive here again as what they say (:meth:`Shards.feed`).
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mode import Service

from flrouter.clock import SystemClock, now_ms
from flrouter.core.shard import Shard
from flrouter.core.values.effects import Effects, Fault, Send
from flrouter.core.values.events import Event
from flrouter.core.values.home import shard_of
from flrouter.core.values.inputs import Input
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.reader import Batch, Reader
from flrouter.kafka.writer import Writer
from flrouter.ports import Offsets, Partition, Refusal, Transaction, Write, Written
from flrouter.runtime.backpressure import Backpressure
from flrouter.runtime.batch import Fetched
from flrouter.runtime.durability.at_least_once import AtLeastOnce
from flrouter.runtime.durability.exactly_once import ExactlyOnce
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Guarantee
from flrouter.runtime.group import KafkaGroup, Member
from flrouter.runtime.history import History
from flrouter.runtime.log import KafkaLog
from flrouter.runtime.ownership.catch_ups import CatchUps
from flrouter.runtime.ownership.ownership import TICK_S, Ownership
from flrouter.runtime.ownership.runner import Runner, Share
from flrouter.runtime.resets import Resets
from flrouter.runtime.rules import rules_of
from flrouter.runtime.state.shares import Shares
from flrouter.settings.model import Settings
from flrouter.telemetry.ended import EndedRequests
from flrouter.telemetry.fault_log import FaultLog
from flrouter.telemetry.feed import Feed
from flrouter.telemetry.histogram import Histogram

if TYPE_CHECKING:
    from flrouter.runtime.membership import Membership
    from flrouter.telemetry.spans import Spans

#: upper bounds of the histogram of how many inputs are decided at once.
BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Shards(Service):
    """Makes what ownership owns, and is the worker around its runners."""

    def __init__(
        self,
        settings: Settings,
        member: Callable[[], Member],
        membership: Membership,
        history: History,
        give_up: Callable[[str], None],
    ) -> None:
        """`member` gives this worker's member of the group, `give_up` ends this process."""
        super().__init__()
        self._settings = settings
        self._membership = membership
        self._history = history
        self._give_up = give_up
        self._outdated = False
        self.rules = rules_of(settings)
        self.directory = Directory(settings, self._topic_changed, membership.topics)
        self._clock = SystemClock()
        self.group = KafkaGroup(settings, member)
        #: what was read and is on its way to the agents.
        self.arrivals: asyncio.Queue[Sequence[Batch]] = asyncio.Queue()
        arrive = self.arrivals.put_nowait
        self._log = KafkaLog(settings, self.directory, arrive, self._gone, self._is_own)
        #: for orders of operators, which no lease holds back.
        self._orders = Writer(settings, self.directory, self._is_own)
        self._shares = Shares(settings, self.rules, partial(Reader, settings))
        self.ownership = Ownership(
            self.group, self._log, self._clock, self, settings.session_timeout
        )
        progress = self.ownership.progress
        self.catch_ups = CatchUps(
            self.group, self._log, self.rules, progress, self._read_partitions, self._clock
        )
        self._spans: Spans | None = None
        if settings.traces_url:
            from flrouter.telemetry.spans import Spans  # OpenTelemetry is an extra

            self._spans = Spans(settings)
        #: no shard is dealt to this worker until others let go of one.
        self._waits_for_others = False
        self._woken: set[Runner] = set()
        self.backpressure = Backpressure(settings.inbound_topics, self._log.hold_back)
        self.counts: Counter[tuple[Event, str]] = Counter()
        self._fault_log = FaultLog()
        self.ended = EndedRequests()
        self.happenings = Feed()
        self.batches = Histogram(BATCHES)
        #: how often shards were taken over, and so restored.
        self.takeovers = 0
        self._resets = Resets(self._clock)
        #: why the shards cannot be restored, if people are needed for that.
        self.refusal = ""
        # What ownership and its runners ask of others:
        self.dealt, self.shares = self._shares.dealt, self._shares.make
        self.left, self.saved = self._shares.close, self._shares.saved
        self.begins, self.lost = self._resets.begins, self.ownership.lost
        self.taken = self._log.taken
        self.requests_ended = self.ended.take
        self.catch_up = self.catch_ups.ask

    def on_init_dependencies(self) -> Iterable[Service]:
        """What must run first."""
        return filter(None, [self.directory, self.group, self._shares.standby, self._spans])

    async def on_start(self) -> None:
        """Connect."""
        threading.excepthook = self._thread_ended
        self._log.start()
        self._orders.start()

    async def on_stop(self) -> None:
        """Let go, and disconnect."""
        await self.let_go()
        await asyncio.gather(self._orders.stop(), self._log.stop())

    def _thread_ended(self, ended: threading.ExceptHookArgs) -> None:
        """A thread that reads or writes is no more: only a new process has one."""
        threading.__excepthook__(ended)
        name = ended.thread.name if ended.thread is not None else ""
        if name.startswith("flrouter-"):
            with suppress(RuntimeError):  # the loop is closed: this process ends anyway
                why = f"{name} ended: {ended.exc_value!r}"
                self.loop.call_soon_threadsafe(self._give_up, why)

    def _is_own(self, topic: str) -> bool:
        return topic in self.rules.reserved_topics or self.rules.may_be_floodlights(topic)

    # -- what the group says ------------------------------------------------------------------

    def assigned(
        self, partitions: Collection[Partition], told: Collection[int], moving: Collection[int]
    ) -> None:
        """These partitions are this worker's.

        It told that it holds the shards `told`; `moving` are dealt once they are let go of.
        """
        self._waits_for_others = bool(moving) and not partitions
        self.ownership.assigned(partitions, told)

    async def let_go(self) -> None:
        """Finish what is in hand, commit it, and own nothing."""
        letting_go = asyncio.ensure_future(self.group.let_go(self.ownership.revoked))
        while not letting_go.done():
            await asyncio.wait({letting_go}, timeout=TICK_S)
            self.ownership.tick()  # a crashed worker's own task does it no more
        await letting_go

    # -- what is read -------------------------------------------------------------------------

    def _topic_changed(self, topic: str, before: int, now: int) -> None:
        """A topic came, went, or has other partitions than before."""
        if not self._is_own(topic):
            return
        if before and now:
            self.log.warning("topic %s has %d partitions, and had %d", topic, now, before)
            self.counts[Event.PARTITIONS_CHANGED, topic] += 1
        self._membership.suspect(topic)

    def _read_partitions(self, topic: str) -> int:
        """How many partitions of an FL's write topic are read."""
        if self._settings.fl_topics.writer_of(topic) in self._membership.left_out:
            return 0
        return self.directory.known(topic) or self._settings.partitions

    def _gone(self, at: Partition, expected: int, first: int, term: int) -> None:
        """What was to be read next is not there; it is read on at the first record that is."""
        text = self._resets.take(at, expected, first)
        if text is not None:
            self.log.error("%s", text)
            self.counts[Event.OFFSET_RESETS, at.topic] += 1

    def feed(self, fetched: Fetched, inputs: Iterable[Sequence[Input]]) -> None:
        """Give what an agent read to the shards that it belongs to, batch by batch."""
        if self._outdated:
            return  # it may lie behind a record that was not understood
        look = fetched.look
        for batch, read in zip(fetched.batches, inputs, strict=True):
            self.ownership.arrived(batch.at, batch.next_offset, read, batch.term)
        # All shards begin at once: what they write then travels together.
        look.topics_left -= 1
        if not look.topics_left:
            for runner in list(self.ownership.runners.values()):
                if runner.has_work:
                    runner.run()
            self.backpressure.tick(self.ownership.runners.values())

    # -- what ownership is made of ------------------------------------------------------------

    def guarantee(
        self, write: Write, acknowledge: Callable[[Offsets], None], transaction: Transaction | None
    ) -> Guarantee:
        """How the work of one owner is made durable."""
        if transaction is not None:
            return ExactlyOnce(transaction, self.rules, self._clock)
        return AtLeastOnce(write, acknowledge, self.rules, self._clock)

    def transaction_name(self, number: int) -> str | None:
        """Under which name it writes; None when it writes at least once."""
        if self._settings.guarantee == "at_least_once":
            return None
        return f"{self._settings.app_id}-{number}"

    def runner(self, number: int, share: Share, guarantee: Guarantee, positions: Offsets) -> Runner:
        """Set a shard to work."""
        share.core.restored(now_ms())
        return Runner(number, share, self, guarantee, positions, self._log, self._clock)

    def began(self, numbers: Collection[int]) -> None:
        """These shards serve from now on; none when the group has dealt and changed nothing."""
        self.refusal = ""
        self.takeovers += len(numbers)
        self._shares.own(self.ownership.held)
        if numbers:
            taken = sorted(numbers)
            self.log.info("took over shards %s with %d records", taken, self._shares.count)
        if self.serving:
            self.log.info("Worker ready with shards %s", sorted(self.by_number))
        self._membership.changed()

    def refused(self, why: str) -> None:
        """The shards cannot be restored: people are needed."""
        if why != self.refusal:
            self.log.error("%s", why)
        self.refusal = why

    def outdated(self, why: NewerFormat) -> None:
        """A later release wrote what this one cannot read: take nothing more, and end."""
        if not self._outdated:
            self._outdated = True
            self.refused(str(why))
            self._give_up(str(why))

    # -- what runners need --------------------------------------------------------------------

    def effects_done(self, number: int, effects: Effects) -> None:
        """Count, log and remember what happened."""
        self._history.tell(number, effects)
        self.counts.update(effects.counts)
        if effects.inputs:
            self.batches.add(effects.inputs)
        if effects.counts or effects.notes:
            self.happenings.take(effects, now_ms())
        for note in effects.notes:
            self.log.info("shard %d: %s", number, note, extra={"shard": number})
        if effects.faults:
            self._fault_log.take(number, effects.faults)
        if effects.spans and self._spans is not None:
            self._spans.send(effects.spans)
        if effects.membership_changed:
            self._membership.changed()

    def not_taken(self, number: int, refusals: Sequence[Refusal]) -> None:
        """Count and log those of the router's own records: somebody may miss them."""
        for send, why, _ in refusals:
            if self._is_own(send.topic):
                self.counts[Event.OWN_REFUSED, ""] += 1
                text = f"Kafka refuses a record of the router's own: {why}"
                self._fault_log.take(number, [Fault(text, send.topic, kept=True)])

    def wake(self, runner: Runner, delay_s: float = 0.0) -> None:
        """Run it in so many seconds, or soon."""
        if delay_s:
            self.loop.call_later(delay_s, self.wake, runner)
        elif runner not in self._woken:
            self._woken.add(runner)
            self.loop.call_soon(self._run, runner)

    def _run(self, runner: Runner) -> None:
        self._woken.discard(runner)
        try:
            runner.run()
        except Exception as error:  # noqa: BLE001 - the event loop would go on without the batch
            self.add_future(self.crash(error))

    @Service.task
    async def _tick(self) -> None:
        while not self.should_stop:
            await self.sleep(TICK_S)
            self._fault_log.tick()
            self.ownership.tick()
            self.catch_ups.tick()
            self.backpressure.tick(self.ownership.runners.values())

    # -- what others look at ------------------------------------------------------------------

    @property
    def serving(self) -> bool:
        """Whether records flow to shards of this worker, or it is to have none."""
        return self.ownership.serves and not self._waits_for_others

    def warnings(self) -> list[str]:
        """What people should see to, as sentences."""
        left_out = self._membership.left_out
        return [
            *self._membership.faults,
            *(f"floodlight {name} is left out: {why}" for name, why in sorted(left_out.items())),
            *self._resets.warnings(),
        ]

    def unread_partitions(self) -> Counter[str]:
        """How many partitions of each topic its shards should read, and nobody reads."""
        settings, membership = self._settings, self._membership
        topics = [*settings.inbound_topics, settings.shards_topic]
        for floodlight in membership.followed:
            topics += settings.fl_topics.written_by(floodlight)
        unread: Counter[str] = Counter()
        for topic in topics:
            for number in range(self.directory.known(topic) or 0):
                runner = self.ownership.runners.get(shard_of(number, settings.partitions))
                if runner is not None:
                    unread[topic] += Partition(topic, number) not in runner.progress
        return unread

    @property
    def restored_records(self) -> int:
        """How many changelog records were read, of all restores so far."""
        return self._shares.restored_records

    @property
    def left_to_restore(self) -> int:
        """How many changelog records are to be read before it serves; more than there may be."""
        return self._shares.left if self.ownership.is_restoring else 0

    @property
    def by_number(self) -> dict[int, Shard]:
        """The shards that this worker owns."""
        return {number: runner.core for number, runner in self.ownership.runners.items()}

    def owned(self) -> list[Shard]:
        """Their state."""
        return list(self.by_number.values())

    def lag(self) -> dict[Partition, int]:
        """How many records lie unread in each partition that this worker reads.

        Of those that were ever fetched: nobody knows the end of another one.
        """
        return {
            at: max(end - position, 0)
            for runner in self.ownership.runners.values()
            for at, position in runner.progress.items()
            if (end := self._log.end(at)) is not None
        }

    def floodlights(self) -> dict[str, bool]:
        """The FLs that these shards have heard of, and whether each is known still."""
        newest: dict[str, tuple[int, bool]] = {}
        for core in self.owned():
            for name, state in core.context.floodlights.items():
                if state.number:
                    heard = (state.number, state.known)
                    newest[name] = max(newest.get(name, heard), heard)
        return {name: known for name, (_, known) in newest.items()}

    async def write(self, sends: Sequence[Send]) -> Written:
        """Write what no shard says: orders of operators. Returns when all is durable or refused."""
        done: asyncio.Future[Written] = self.loop.create_future()
        self._orders.write(sends, lambda out: None if done.done() else done.set_result(out))
        return await done
