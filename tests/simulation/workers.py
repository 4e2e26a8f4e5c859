"""The workers: the router's own ownership, runners and guarantees, over Kafka in memory.

What is here is what lies around them in a process, and what the promises need to know: when each
record was decided, and what a kill lets happen once more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flrouter.core.shard import Shard
from flrouter.core.state.rules import Rules
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers
from flrouter.core.values.effects import Effects, End, Send
from flrouter.core.values.home import shard_of
from flrouter.core.values.inputs import CaughtUp, Command, Input, Told
from flrouter.core.values.request import Origin
from flrouter.kafka.reader import Deliver, Gone
from flrouter.ports import Partition, Refusal, Transaction, Written
from flrouter.runtime.durability.at_least_once import AtLeastOnce
from flrouter.runtime.durability.changelog import Changelog
from flrouter.runtime.durability.exactly_once import ExactlyOnce
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Checkpoint, Guarantee
from flrouter.runtime.ownership.catch_ups import CatchUps
from flrouter.runtime.ownership.ownership import Ownership
from flrouter.runtime.ownership.runner import Runner, Share
from flrouter.runtime.state.shares import Shares
from flrouter.settings.model import Settings
from tests.core.world import DEAD, SHARDS, Record

from . import kept
from .dice import Calm, Dice
from .gathers import GatherPromises
from .group import SESSION, Condition, Coordinator
from .kafka import Cluster, Following, MemoryGroup, MemoryLog
from .promises import Repeats, Violation, note_of
from .scene import Scene
from .topics import Topics

#: rounds in which a worker must come to rest.
ROUNDS = 2_000

Read = Callable[[Record], Input]


def changelog(table: str) -> str:
    """The changelog topic of a table."""
    return f"flrouter-{table}-changelog"


class Clock:
    """A worker's: its wall may be ahead of others'."""

    def __init__(self, topics: Topics, skew: int) -> None:
        self._topics = topics
        #: ms; how far it is ahead.
        self.skew = skew

    def now_ms(self) -> int:
        """Its wall clock."""
        return self._topics.now + self.skew

    def steady_s(self) -> float:
        """Its monotonic clock."""
        return self._topics.now / 1_000


class Watched:
    """A core, and what its work is worth so far."""

    def __init__(self, core: Shard, number: int, workers: Workers) -> None:
        self.core = core
        self.number = number
        self._workers = workers
        #: batches that no durable checkpoint holds, and how many of them the last one does.
        self.unsaved: list[tuple[Sequence[Input], Effects]] = []
        self._held = 0
        #: ms; when the first of the catch-ups that were reached had been asked for.
        self.looked: int | None = None
        #: (FL, requester's id) → how often the FL was asked for a sync.
        self.tries: Counter[tuple[str, str]] = Counter()

    def decide(self, batch: Sequence[Input], now: int) -> Effects:
        """Decide, and remember when, for whoever asks what became of it."""
        effects = self.core.decide(batch, now)
        looked = None
        if any(isinstance(item, CaughtUp) for item in batch):
            looked, self.looked = self.looked, None
        workers = self._workers
        if effects.notes:
            if effects.counts["bugs", ""]:
                raise Violation("no bugs", "; ".join(effects.notes))
            workers.promises.noted(effects.notes, now, looked)
        workers.promises.syncs.decided(list(batch), effects, now, looked)
        workers.promises.syncs.tried(list(batch), effects, self.tries)
        workers.decided(effects.sends, now)
        if batch or effects.sends:
            self.unsaved.append((list(batch), effects))
            if workers.topics.story is not None:
                workers.topics.say(
                    f"shard {self.number} decides {_tell(batch)}"
                    f" -> {', '.join(map(_told, effects.sends))} {effects.notes or ''}"
                )
        return effects

    def take_changes(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """A checkpoint begins."""
        self._held = len(self.unsaved)
        return self.core.take_changes()

    def write_again(self, table: str, keys: Collection[str]) -> None:
        """Rows were overwritten by somebody else."""
        self.core.write_again(table, keys)

    def saved(self) -> None:
        """The checkpoint is durable."""
        del self.unsaved[: self._held]
        self._held = 0


class WatchedRunner(Runner):
    """A runner; whoever throws it away says what may be done again."""

    core: Watched
    exactly_once: bool
    excuse: Callable[[WatchedRunner], None]

    def drop(self) -> None:
        """Nothing follows at all."""
        self.excuse(self)
        super().drop()


class Process:
    """One life of a worker."""

    def __init__(self, slot: int, workers: Workers, skew: int) -> None:
        self.slot = slot
        self.exactly_once = workers.exactly_once
        self.condition = Condition.RUNNING
        self.since = workers.topics.now
        self._workers = workers
        self._generation = -1
        #: what the group has told, and was not heard.
        self._events: deque[Callable[[], None]] = deque()
        self._woken: list[Runner] = []
        coordinator = workers.coordinator
        self.clock = Clock(workers.topics, skew)
        self.log = MemoryLog(workers.cluster, workers.refuses)
        self.group = MemoryGroup(
            workers.cluster,
            lambda: self._generation,
            lambda generation: coordinator.knows(self, generation),
            self._released,
            self._deal_again,
            self._rejoin,
        )
        #: what its standby reads.
        self.following: Following | None = None
        copy_in = partial(kept.MemoryCopy, workers.disks[slot])
        self.makes = Shares(workers.settings, workers.rules, self._follow, copy_in)
        self.dealt, self.left = self.makes.dealt, self.makes.close
        self.ownership = Ownership(self.group, self.log, self.clock, self, SESSION / 1_000)
        self.catch_ups = CatchUps(
            self.group,
            self.log,
            workers.rules,
            self.ownership.progress,
            lambda _: workers.rules.partitions,
            self.clock,
        )
        self.leaving = False

    def __str__(self) -> str:
        return f"worker {self.slot}"

    @property
    def runners(self) -> list[WatchedRunner]:
        """Those of its shards."""
        return list(self.ownership.runners.values())  # type: ignore[arg-type]

    # -- what the coordinator says ------------------------------------------------------------

    def told_to_join(self, *, eager: bool) -> None:
        """A rebalance has begun."""

        def join() -> None:
            if eager:
                self.ownership.revoked()
            else:
                self._workers.coordinator.join(self, self.ownership.held)

        self._events.append(join)

    def told_what_it_owns(
        self, generation: int, partitions: Collection[Partition], told: Collection[int]
    ) -> None:
        """A rebalance is over."""

        def assigned() -> None:
            if self.leaving and not self.ownership.held.issubset(told):
                self.ownership.evicted()
                return
            self._generation = generation
            if self.leaving:
                return
            self._workers.say(f"{self} is dealt {sorted({at.number for at in partitions})}")
            self.ownership.assigned(partitions, told)

        self._events.append(assigned)

    def told_that_it_is_out(self) -> None:
        """It is no member any more."""

        def join_anew() -> None:
            self.ownership.evicted()
            self._workers.coordinator.enter(self)

        self._events.clear()
        if not self.leaving:
            self._events.append(join_anew)

    def dropped(self) -> None:
        """It is no member any more."""
        for runner in self.runners:
            self._workers.excuse(runner)

    def _released(self) -> None:
        if self.leaving:
            self._workers.end(self)
        else:
            self._workers.coordinator.join(self, ())

    def _deal_again(self) -> None:
        self._workers.coordinator.rebalance()

    def _rejoin(self) -> None:
        self._workers.coordinator.leave(self)
        self._events.clear()
        self._workers.coordinator.enter(self)

    # -- what makes up its shards -------------------------------------------------------------

    def _follow(self, take: Deliver, gone: Gone) -> Following:
        self.following = Following(self._workers.cluster, take, gone)
        return self.following

    def shares(self, dealt: Mapping[int, Collection[Partition]]) -> Mapping[int, Share]:
        """What these shards are made of."""
        return {
            number: share._replace(core=Watched(share.core, number, self._workers))
            for number, share in self.makes.make(dealt).items()
        }

    def guarantee(
        self,
        write: Callable[[Sequence[Send], Callable[[Written], None]], None],
        acknowledge: Callable[[Mapping[Partition, int]], None],
        transaction: Transaction | None,
    ) -> Guarantee:
        """As the scene wants it."""
        if transaction is not None:
            return ExactlyOnce(transaction, self._workers.rules, self.clock)
        return AtLeastOnce(write, acknowledge, self._workers.rules, self.clock)

    def transaction_name(self, number: int) -> str | None:
        """Of exactly once."""
        return str(number) if self.exactly_once else None

    def runner(
        self,
        number: int,
        share: Share,
        guarantee: Guarantee,
        positions: Mapping[Partition, int],
    ) -> Runner:
        """Set a shard to work."""
        core = share.core
        assert isinstance(core, Watched)
        core.core.restored(self.clock.now_ms())
        self._workers.promises.listener.restored(core.core)
        runner = WatchedRunner(number, share, self, guarantee, positions, self.log, self.clock)
        runner.excuse, runner.exactly_once = self._workers.excuse, self.exactly_once
        return runner

    def begins(self, partitions: Collection[Partition]) -> None:
        """Nobody looks."""

    def began(self, numbers: Collection[int]) -> None:
        """It serves."""
        self.makes.own(self.ownership.held)
        self._workers.say(f"{self} serves {sorted(map(str, self.ownership.runners))}")

    def refused(self, why: str) -> None:
        """No shard ever is."""
        raise Violation("shards are restored", why)

    def outdated(self, why: NewerFormat) -> None:
        """Nothing ever is."""
        raise Violation("shards are restored", str(why))

    # -- what runners need --------------------------------------------------------------------

    def taken(self, at: Partition, count: int) -> None:
        """Nobody counts here."""

    def requests_ended(self, number: int, ends: Sequence[End]) -> None:
        """Nobody asks here."""

    def effects_done(self, number: int, effects: Effects) -> None:
        """Nobody counts here."""

    def not_taken(self, number: int, refusals: Sequence[Refusal]) -> None:
        """All is taken here."""

    def catch_up(self, number: int, floodlight: str, done: Callable[[], None]) -> None:
        """Ask, and remember when."""
        runner = self.ownership.runners.get(number)
        assert isinstance(runner, WatchedRunner)
        core, asked = runner.core, self._workers.topics.now

        def reached() -> None:
            core.looked = asked if core.looked is None else min(core.looked, asked)
            done()

        self.catch_ups.ask(number, floodlight, reached)

    def wake(self, runner: Runner, delay_s: float = 0.0) -> None:
        """Run it with the next step; what is to run later runs with the next tick."""
        if not delay_s and runner not in self._woken:
            self._woken.append(runner)

    def saved(self, number: int, checkpoint: Checkpoint, changelogs: Sequence[Changelog]) -> None:
        """What it holds is not done again."""
        self.makes.saved(number, checkpoint, changelogs)
        for runner in self.runners:
            if runner.changelogs is changelogs:
                runner.core.saved()

    def lost(self, why: str) -> None:
        """Restore all anew."""
        self._workers.say(f"{self} has lost {why}")
        self.ownership.lost(why)

    def leave(self) -> None:
        """Let go of everything, and be no more."""
        self.leaving = True
        self.ownership.revoked()

    # -- steps --------------------------------------------------------------------------------

    def fetch(self, at: Partition, count: int) -> bool:
        """Read records of a partition; whether there were any."""
        position = self.log.positions[at]
        log = self._workers.topics.log(*at)
        records = log[position : position + count]
        if not records:
            return False
        self.log.positions[at] = position + len(records)
        read = self._workers.readers[at.topic]
        inputs = [read(record) for record in records]
        self.ownership.arrived(at, position + len(records), inputs, self.log.starts[at].term)
        return True

    def run(self) -> None:
        """Let those run that have to."""
        woken, self._woken = self._woken, []
        for runner in woken:
            runner.run()

    def some(self, dice: Dice, *, stutters: bool) -> None:
        """Do something, and leave the rest for later."""
        if self.condition is not Condition.RUNNING:
            return
        for _ in range(1 + dice.pick(12)):
            if self.condition is Condition.RUNNING:
                self._work(dice.pick(9), dice, stutters=stutters)

    def _work(self, step: int, dice: Dice, *, stutters: bool) -> None:
        if step == 0 and self._events:
            self._events.popleft()()
        elif step == 1:
            self.ownership.tick()
            self.catch_ups.tick()
        elif step == 2 and self.log.positions:
            self.fetch(dice.choose(list(self.log.positions)), 1 + dice.pick(3))
        elif step == 3:
            for runner in self.runners:
                if dice.one_in(2):
                    runner.run()
        else:
            self._hear_of_kafka(step, dice, stutters=stutters)

    def _hear_of_kafka(self, step: int, dice: Dice, *, stutters: bool) -> None:
        if step in (4, 5) and self.log.queues:
            at = dice.choose(list(self.log.queues))
            self.log.append(at, 1 + dice.pick(4), dice, stutters=stutters)
        elif step == 6:
            self.log.tell(dice)
            if self.following is not None and (unread := self.following.unread):
                self.following.fetch(dice.choose(unread), 1 + dice.pick(8))
        elif step == 7:
            self.log.call(dice)
        elif step == 8:
            self.group.call(dice)

    @property
    def _idle(self) -> bool:
        return not (
            self._events
            or self._woken
            or self.group.calls
            or not self.log.idle
            or any(runner.waiting and not self._must_wait(runner) for runner in self.runners)
        )

    def _must_wait(self, runner: Runner) -> bool:
        """Whether only a broker can help it: what it waits for is not replicated."""
        return bool(self._workers.cluster.limbos) and runner.busy

    def settle(self, dice: Dice) -> None:
        """Do all that there is to do."""
        if self.condition is not Condition.RUNNING:
            return
        self.ownership.tick()
        if self.runners and not self.ownership.may_write:
            # More time has passed since the last step than a lease lasts.
            self._answer_group(dice)
            self.ownership.tick()
        self.catch_ups.tick()
        for _ in range(ROUNDS):
            while self._events:
                self._events.popleft()()
            self._answer_group(dice)
            self._read_all()
            self._write_all(dice)
            if self.condition is not Condition.RUNNING or self.at_rest:
                return
            if any(runner.busy for runner in self.runners) or not self.ownership.may_write:
                self.ownership.tick()
        raise Violation("it comes to rest", f"{self} goes round and round")

    def _answer_group(self, dice: Dice) -> None:
        while self.group.calls and self.condition is Condition.RUNNING:
            self.group.call(dice)

    def _read_all(self) -> None:
        topics, log = self._workers.topics, self.log
        self.follow()
        for at in list(log.positions):
            if at in log.positions and log.positions[at] < len(topics.log(*at)):
                self.fetch(at, 1_000)
        for runner in self.runners:
            if runner.waiting:
                runner.run()
        self.run()

    def follow(self) -> None:
        """Let its standby read all that there is."""
        while self.following is not None and (unread := self.following.unread):
            self.following.fetch(unread[0], 1_000)

    def _write_all(self, dice: Dice) -> None:
        log = self.log
        for at in list(log.queues):
            if at in log.queues:
                log.append(at, 1_000, dice)
        while not log.idle and not log.queues:
            log.call(dice)
            log.tell(dice)

    @property
    def at_rest(self) -> bool:
        """Whether it has nothing to do before time passes."""
        topics = self._workers.topics
        return self._idle and not any(
            at < len(topics.log(*tp)) for tp, at in self.log.positions.items()
        )


class Workers:
    """All workers, one in each slot, dead or alive."""

    def __init__(
        self, topics: Topics, promises: GatherPromises, rules: Rules, scene: Scene
    ) -> None:
        self.topics = topics
        self.promises = promises
        self.rules = rules
        #: what is wanted of workers that begin to live.
        self.exactly_once = scene.exactly_once
        self.settings = Settings(
            profile=scene.profile,
            partitions=scene.partitions,
            standby=scene.standby,
            store="rocksdb" if scene.copies else "memory",
        )
        #: slot → folder → its local copy.
        self.disks: list[dict[Path, kept.Disk]] = [{} for _ in range(scene.workers)]
        #: topic → how its records are read; and how many partitions it has.
        self.readers: dict[str, Read] = {}
        self._partitions: dict[str, int] = {}
        self.cluster = Cluster(
            topics,
            [changelog(table) for table in TABLES],
            keeps_tombstones=scene.standby or scene.copies,
            # An owner of the other guarantee is not safe from these (docs/guarantees.md).
            late_fences=not scene.changes,
        )
        self.cluster.hear = self._hear
        self.cluster.repeats = self._excuse
        self.coordinator = Coordinator(lambda: topics.now, self._deal, self._partitions_of)
        self.slots: list[Process | None] = [None] * scene.workers
        #: those that are dead: what they had sent may arrive yet.
        self.graves: list[Process] = []
        self.crashes = 0
        self._batches = 0
        #: id of a record → itself, ms when it was decided, and in which batch.
        self._decided: dict[int, tuple[Send, int, int]] = {}

    def say(self, line: str) -> None:
        """Add a line to the story."""
        self.topics.say(line)

    def reads(self, topic: str, partitions: int, read: Read) -> None:
        """Shards read this topic."""
        self.readers[topic] = read
        self._partitions[topic] = partitions

    def refuses(self, send: Send) -> bool:
        """Nothing is too large here."""
        return False

    def _deal(self, count: int, dice: Dice) -> dict[int, int]:
        return {shard: dice.pick(count) for shard in range(self.rules.partitions)}

    def _partitions_of(self, shards: Collection[int]) -> list[Partition]:
        return [
            Partition(topic, number)
            for topic, partitions in self._partitions.items()
            for number in range(partitions)
            if shard_of(number, self.rules.partitions) in shards
        ]

    # -- what is written ----------------------------------------------------------------------

    def decided(self, sends: Sequence[Send], now: int) -> None:
        """A batch was decided."""
        self._batches += 1
        for send in sends:
            self._decided[id(send)] = (send, now, self._batches)
            self.promises.decided(_record_of(send), self._batches)

    def _hear(self, record: Record, send: Send) -> None:
        _, at, batch = self._decided.get(id(send), (send, self.topics.now, None))
        promises = self.promises
        promises.syncs.written(send)
        promises.batch = batch
        if record.topic == SHARDS:
            promises.passed(record, at)
        elif record.topic == DEAD:
            return
        elif self.rules.may_be_floodlights(record.topic):
            promises.forwarded(record, at)
        else:
            promises.told(record, at)

    # -- coming and going ---------------------------------------------------------------------

    def start(self, slot: int, skew: int) -> None:
        """A worker begins to live."""
        process = self.slots[slot] = Process(slot, self, skew)
        self.say(f"{process} starts")
        self.coordinator.enter(process)

    def crash(self, process: Process) -> None:
        """A worker is killed."""
        self.say(f"{process} is killed")
        self.crashes += 1
        self.end(process)

    def end(self, process: Process) -> None:
        """A worker is no more."""
        kept.check_restart(self, process)
        clean = process.leaving and not process.ownership.runners
        for runner in process.runners:
            self.excuse(runner)
        process.condition, process.since = Condition.DEAD, self.topics.now
        process.log.die()
        process.group.calls.clear()
        self.slots[process.slot] = None
        self.graves.append(process)
        if clean:
            self.coordinator.leave(process)

    def freeze(self, process: Process, condition: Condition) -> None:
        """A worker stands still; what it did may be done by somebody else meanwhile."""
        self.say(f"{process} is {condition.value}")
        process.condition, process.since = condition, self.topics.now

    def thaw(self, process: Process) -> None:
        """A worker goes on."""
        self.say(f"{process} goes on")
        process.condition, process.since = Condition.RUNNING, self.topics.now

    # -- what may be done again ---------------------------------------------------------------

    def excuse(self, runner: WatchedRunner) -> None:
        """This runner may be gone, and another begins where the last checkpoint left it."""
        if runner.exactly_once:
            return
        for items, effects in runner.core.unsaved:
            for item in items:
                for number in _asked_in(item):
                    self.promises.repeats(number, Repeats.DONE)
            self._excuse(effects.sends)
        for number in self._read_again(runner):
            self.promises.repeats(number, Repeats.READ)

    def _excuse(self, sends: Sequence[Send]) -> None:
        for send in sends:
            record = _record_of(send)
            if send.topic == self.rules.disco_topic and send.key is not None:
                _, _, batch = self._decided[id(send)]
                self.promises.listener.doubt(send.key.decode(), batch)
            passed = _passed(record)
            for number in self.promises.numbers_of(record) if passed is None else [passed]:
                self.promises.repeats(number, Repeats.DONE)

    def _read_again(self, runner: WatchedRunner) -> Iterator[str]:
        """The commands that will be read once more."""
        for at, position in runner.progress.items():
            begin = self.cluster.committed.get(at, 0)
            for record in self.topics.log(*at)[begin:position]:
                if record.topic == SHARDS:
                    number = _passed(record)
                    if number is not None:
                        yield number
                    note = note_of(record, b"Scatter", b"PartResults", b"Populate")
                    if note is not None:
                        yield from _asked_in(Told(note))
                else:
                    yield Origin(record.topic, record.partition, record.offset).number

    # -- the end ------------------------------------------------------------------------------

    @property
    def alive(self) -> list[Process]:
        """Those that are not dead."""
        return [process for process in self.slots if process is not None]

    def settle(self) -> bool:
        """Let all do what there is to do; whether nothing is left to do before time passes."""
        calm = Calm()
        for at in list(self.cluster.limbos):
            self.cluster.count_without_follower(at)
        for grave in self.graves:
            grave.log.strays.clear()
        for slot, process in enumerate(self.slots):
            if process is None:
                self.start(slot, 0)
            elif process.condition is not Condition.RUNNING:
                self.thaw(process)
        for process in self.alive:
            process.log.strays.clear()
        self.coordinator.step(calm)
        for process in self.alive:
            process.settle(calm)
        return all(process.at_rest for process in self.alive)

    @property
    def gathers(self) -> bool:
        """Whether a transaction waits for more to come, while nothing is under way."""
        return any(
            process.exactly_once and runner._batches_under_way
            for process in self.alive
            for runner in process.runners
        )

    @property
    def serving(self) -> bool:
        """Whether every shard is served."""
        owners = [number for process in self.alive for number in process.ownership.runners]
        return all(number in owners for number in range(self.rules.partitions))

    @property
    def saved(self) -> bool:
        """Whether all that changed is in the changelogs."""
        return not any(
            table._was_there for _, shard in self.shards() for table in shard.context.tables
        )

    def shards(self) -> Iterator[tuple[WatchedRunner, Shard]]:
        """All that run."""
        for process in self.alive:
            for runner in process.runners:
                yield runner, runner.core.core


def _record_of(send: Send) -> Record:
    """The record that is to be written; nobody knows yet where it will lie."""
    assert send.value is not None
    return Record(send.topic, 0, 0, send.key, send.value, tuple(send.headers), 0)


def _asked_in(item: Input) -> Iterator[str]:
    """The requests that are taken up, or can be answered, with an input."""
    if isinstance(item, Command):
        yield item.origin.number
    elif isinstance(item, Told) and isinstance(item.peer, peers.Scatter):
        number = Origin.parse(item.peer.origin).number
        yield from (f"{number}.{index}" for index, _, _ in item.peer.parts)
    elif isinstance(item, Told) and isinstance(item.peer, peers.PartResults):
        yield item.peer.number
    elif isinstance(item, Told) and isinstance(item.peer, peers.Populate):
        yield Origin.parse(item.peer.origin).number


def _passed(record: Record) -> str | None:
    """The command that a record of the shards' topic passes on."""
    headers = dict(record.headers)
    if headers.get("flrouter-what") != b"command":
        return None
    return Origin.parse(headers["flrouter-origin"].decode()).number


def _tell(items: Sequence[Input]) -> str:
    """What a batch holds, for the story."""
    return ", ".join(
        str(getattr(item, "origin", "") or item)
        if not isinstance(item, Told)
        else type(item.peer).__name__
        for item in items
    )


def _told(send: Send) -> str:
    """What a record says, for the story."""
    if send.topic != SHARDS:
        return send.topic
    assert send.value is not None
    what = dict(send.headers)["flrouter-what"]
    said = str(peers.decode(send.value)) if what == b"peer" else str(what, "ascii")
    return f"{said} to {send.partition}"
