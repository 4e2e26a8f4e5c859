"""The runtime around the shards: batches, durability, crashes, takeovers and catch-ups.

Does what `flrouter/runtime` does, in its order, one stage of it at a time, so that anything can
happen between two stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

from flrouter.core import peers
from flrouter.core.effects import CatchUp, Effects, Send
from flrouter.core.ingress import NOWHERE, Ingress
from flrouter.core.inputs import CaughtUp, Command, Input, Told
from flrouter.core.request import Origin
from flrouter.core.rules import Rules
from flrouter.core.shard import Shard
from flrouter.core.table import TABLES
from flrouter.messages.catalog import Catalog
from tests.core.world import DEAD, SHARDS, TAKEOVER, Record

from .gathers import GatherPromises
from .promises import Repeats, Violation, note_of
from .topics import Log, Topics

_encode = msgspec.msgpack.Encoder().encode
_DECODE = {name: msgspec.msgpack.Decoder(kind).decode for name, kind in TABLES.items()}

Changes = list[tuple[str, list[tuple[str, Any]]]]


class Stage(IntEnum):
    """How far a batch has come."""

    DECIDED = 0
    SOME_OUTPUTS = 1
    OUTPUTS = 2
    SOME_CHANGELOGS = 3
    CHANGELOGS = 4
    ACKNOWLEDGED = 5


class Hand:
    """A batch in hand: decided, and durable as far as its stage says."""

    __slots__ = ("at", "batch", "changes", "effects", "items", "outputs", "saves", "stage", "taken")

    def __init__(
        self,
        items: list[Input],
        taken: list[tuple[Log, int]],
        effects: Effects,
        changes: Changes | None,
        at: int,
    ) -> None:
        """Args:
        changes: since the last checkpoint; None when it is no time for one.
        """
        self.items = items
        self.taken = taken
        self.effects = effects
        self.saves = changes is not None
        self.changes = changes or []
        self.at = at
        #: set when it is written bit by bit.
        self.batch: int | None = None
        self.stage = Stage.DECIDED
        self.outputs = effects.sends


class Wait:
    """A catch-up under way: what must have been read, one thing after the other."""

    __slots__ = ("asked", "ends", "stage", "wanted")

    def __init__(self, wanted: CatchUp, asked: int) -> None:
        self.wanted = wanted
        self.asked = asked
        self.stage = 0
        self.ends: list[tuple[Log, int]] = []


class Runner:
    """One shard, or the ingress of a partition that is none's, wherever it runs just now."""

    def __init__(self, number: int) -> None:
        self.number = number
        #: None from a crash until another worker has taken it over.
        self.core: Shard | Ingress | None = None
        self.logs: list[Log] = []
        #: its changelogs: table → key → value.
        self.kept: dict[str, dict[str, bytes]] = {name: {} for name in TABLES}
        self.hand: Hand | None = None
        #: batches that were done since the last checkpoint.
        self.unsaved: list[Hand] = []
        self.waits: list[Wait] = []
        #: what catch-ups brought, and when the first of them had been asked for.
        self.reached: list[Input] = []
        self.looked: int | None = None
        #: ms that its worker's clock is ahead.
        self.skew = 0
        #: when it can be taken over.
        self.back = 0
        #: it was, and has decided nothing yet; what it changed as it was restored is not kept.
        self.restored = False

    def __str__(self) -> str:
        return f"shard {self.number}" if self.number != NOWHERE else "an ingress"

    def unkept(self) -> list[str]:
        """The table entries that differ from what the changelogs hold."""
        if not isinstance(self.core, Shard):
            return []
        return [
            f"{table.name}/{key}"
            for table in self.core.context.tables
            for key in {*table, *self.kept[table.name]}
            if key not in table or self.kept[table.name].get(key) != _encode(table[key])
        ]


class Workers:
    """All runners."""

    def __init__(
        self,
        topics: Topics,
        promises: GatherPromises,
        rules: Rules,
        catalog: Catalog,
        *,
        exactly_once: bool,
        apart: bool,
        compacted: bool,
    ) -> None:
        self._topics = topics
        self._promises = promises
        self._rules = rules
        self._catalog = catalog
        self._exactly_once = exactly_once
        self._apart = apart
        self._compacted = compacted
        self.runners: list[Runner] = []
        self.crashes = 0
        self._batches = 0
        #: how listeners and FLs come to know of what is written: topic → who is told.
        self._hears: dict[str, Any] = {SHARDS: promises.passed, DEAD: None}

    # -- a batch -------------------------------------------------------------------------------

    def begin(
        self, runner: Runner, *, most: int, first: int = 0, skip: int = 0, saves: bool = True
    ) -> None:
        """Read records and decide.

        Args:
            runner: has nothing in hand.
            most: records of each partition.
            first: which partition comes first in the batch.
            skip: a bit mask of partitions that are not read.
            saves: the batch ends in a checkpoint; in a transaction each does.
        """
        logs = runner.logs
        items: list[Input] = []
        taken: list[tuple[Log, int]] = []
        for at in range(-first, len(logs) - first):
            log = logs[at]
            if log.read < len(log) and not skip >> (at % len(logs)) & 1:
                end = min(len(log), log.read + most)
                read = log.reader
                assert read is not None
                items += [read(record) for record in log[log.read : end]]
                taken.append((log, end))
        items += runner.reached
        runner.reached = []
        looked, runner.looked = runner.looked, None
        core = runner.core
        runner.restored = False
        assert core is not None
        now = self._topics.now + runner.skew
        effects = core.decide(items, now)
        if effects.notes:
            if effects.counts["bugs", ""]:
                raise Violation("no bugs", "; ".join(effects.notes))
            self._promises.noted(effects.notes, now, looked)
        self._promises.syncs.decided(items, effects)
        saves = saves or self._exactly_once or effects.checkpoint
        changes: Changes | None = core.take_changes() if saves else None
        runner.hand = Hand(items, taken, effects, changes, now)
        if items or effects.sends:
            topics = self._topics
            if topics.story is not None:
                topics.say(
                    f"{runner} decides {_tell(taken, items)}"
                    f" -> {', '.join(map(_told, effects.sends))} {effects.notes or ''}"
                )

    def go_on(self, runner: Runner, until: Stage = Stage.ACKNOWLEDGED, mask: int = 0) -> None:
        """Make the batch in hand durable, as far as `until`.

        Args:
            runner: has a batch in hand.
            until: the last stage that is reached.
            mask: which topics' records are written at those stages that write some.
        """
        hand = runner.hand
        assert hand is not None
        if self._exactly_once:
            if until is not Stage.ACKNOWLEDGED:
                return  # nothing of a transaction is seen before it is committed
            mask = 0
        for stage in _STAGES[hand.stage + 1 : until + 1]:
            self._perform(runner, hand, stage, mask)
            hand.stage = stage

    def _perform(self, runner: Runner, hand: Hand, stage: Stage, mask: int) -> None:
        if stage is Stage.SOME_OUTPUTS:
            if mask:
                self._batches += 1
                hand.batch = self._batches
                self._excuse(hand.effects.sends, only_again=True)
                chosen = self._chosen(hand.outputs, mask)
                self._write(hand, [each for each in hand.outputs if id(each) in chosen])
                hand.outputs = [each for each in hand.outputs if id(each) not in chosen]
        elif stage is Stage.OUTPUTS:
            self._write(hand, hand.outputs)
            hand.outputs = []
        elif stage is Stage.SOME_CHANGELOGS:
            if mask:
                some = [each for at, each in enumerate(hand.changes) if mask >> at & 1]
                hand.changes = [each for at, each in enumerate(hand.changes) if not mask >> at & 1]
                self._keep(runner, some)
        elif stage is Stage.CHANGELOGS:
            self._keep(runner, hand.changes)
        else:
            self._acknowledge(runner, hand)

    def _write(self, hand: Hand, sends: list[Send]) -> None:
        write, hears = self._topics.write, self._hears
        self._promises.batch = hand.batch
        for send in sends:
            assert send.value is not None
            record = write(send.topic, send.key, send.value, send.partition, send.headers)
            try:
                hear = hears[send.topic]
            except KeyError:
                to_floodlight = self._rules.may_be_floodlights(send.topic)
                hear = self._promises.forwarded if to_floodlight else self._promises.told
                hears[send.topic] = hear
            if hear is not None:
                hear(record, hand.at)

    def _chosen(self, sends: list[Send], mask: int) -> set[int]:
        """The records of those topic partitions that `mask` names."""
        groups: dict[tuple[str, int], int] = {}
        chosen = set()
        for send in sends:
            at = send.partition
            if at is None:
                at = self._topics.place(send.topic, send.key)
            if mask >> groups.setdefault((send.topic, at), len(groups)) & 1:
                chosen.add(id(send))
        return chosen

    def _keep(self, runner: Runner, changes: Changes) -> None:
        for table, rows in changes:
            kept = runner.kept[table]
            for key, value in rows:
                if value is None:
                    kept.pop(key, None)
                else:
                    if self._compacted:
                        kept.pop(key, None)
                    kept[key] = _encode(value)

    def _acknowledge(self, runner: Runner, hand: Hand) -> None:
        for log, end in hand.taken:
            log.read = end
            if self._exactly_once:
                log.committed = end
        runner.unsaved.append(hand)
        if hand.saves:
            self._saved(runner)
        runner.hand = None
        for wanted in hand.effects.catch_up:
            runner.waits.append(Wait(wanted, self._topics.now))
        if runner.waits:
            self.look(runner)

    def _saved(self, runner: Runner) -> None:
        """A checkpoint is durable, which holds all that was done."""
        runner.unsaved.clear()
        for log in runner.logs:
            log.safe = log.read

    def stutter(self, runner: Runner) -> None:
        """The broker took the outputs and its answer was lost, so they are written twice."""
        hand = runner.hand
        if hand is not None and hand.stage is Stage.OUTPUTS and not self._exactly_once:
            self._topics.say(f"{runner} writes its outputs again")
            self._excuse(hand.effects.sends)
            self._write(hand, hand.effects.sends)

    # -- catching up ---------------------------------------------------------------------------

    def look(self, runner: Runner) -> None:
        """Answer the catch-ups for which all has been read."""
        for wait in list(runner.waits):
            while not any(self._progress(runner, log) < end for log, end in wait.ends):
                if wait.stage == 2:
                    runner.waits.remove(wait)
                    runner.reached.append(CaughtUp(wait.wanted.token))
                    looked = runner.looked
                    runner.looked = wait.asked if looked is None else min(looked, wait.asked)
                    break
                wait.ends = [(log, len(log)) for log in self._stage(runner, wait)]
                wait.stage += 1

    def _stage(self, runner: Runner, wait: Wait) -> list[Log]:
        log = self._topics.log
        if wait.stage:
            return [log(SHARDS, runner.number)]
        topic = self._rules.write_topics(wait.wanted.floodlight)[0]
        return [log(topic, at) for at in range(self._rules.partitions)]

    def _progress(self, runner: Runner, log: Log) -> int:
        return log.committed if self._apart and log.owner is not runner else log.read

    def commit(self, mask: int = -1) -> None:
        """Commit what these runners have acknowledged."""
        for at, runner in enumerate(self.runners):
            if mask >> at & 1:
                for log in runner.logs:
                    log.committed = log.safe

    # -- coming and going ----------------------------------------------------------------------

    def crash(self, runner: Runner) -> None:
        """Its worker is killed."""
        if runner.core is None:
            return
        hand = runner.hand
        self._topics.say(f"{runner} is killed{f' at {hand.stage.name}' if hand else ''}")
        self.crashes += 1
        if not self._exactly_once:
            begun = [] if hand is None or hand.stage is Stage.DECIDED else [hand]
            safe = hand is not None and hand.saves and hand.stage is Stage.CHANGELOGS
            for batch in runner.unsaved + begun:
                for item in batch.items:
                    how = Repeats.READ if safe else Repeats.DONE
                    for number in _asked_in(item):
                        self._promises.repeats(number, how)
                if not safe:
                    self._excuse(batch.effects.sends)
            for number in _commands(runner):
                self._promises.repeats(number, Repeats.READ)
        if hand is None and not runner.unsaved and not runner.restored:
            self.check_kept(runner)
        for log in runner.logs:
            log.read = log.safe = log.committed
        self._drop(runner)

    def _excuse(self, sends: list[Send], *, only_again: bool = False) -> None:
        """What was written for these may be written once more.

        Args:
            sends: the records.
            only_again: those alone that are read again: an answer of before and the command may
                be in one batch, and come out in any order.
        """
        for send in sends:
            record = _record_of(send)
            passed = _passed(record)
            for number in self._promises.numbers_of(record) if passed is None else [passed]:
                self._promises.repeats(number, Repeats.DONE, only_again=only_again)

    def hand_over(self, runner: Runner) -> None:
        """Another worker takes over from this one, which finishes what it has in hand."""
        if runner.core is None:
            return
        if runner.hand is not None:
            self.go_on(runner)
        self._topics.say(f"{runner} goes to another worker")
        self._keep(runner, runner.core.take_changes())
        self._saved(runner)
        for log in runner.logs:
            log.committed = log.read
        self.check_kept(runner)
        self._drop(runner)

    def check_kept(self, runner: Runner) -> None:
        """Its tables are what its changelogs say, when no batch is in hand."""
        wrong = runner.unkept()
        if wrong:
            raise Violation("tables equal their changelogs", f"{runner}: {wrong}")

    def _drop(self, runner: Runner) -> None:
        runner.core = runner.hand = None
        runner.unsaved.clear()
        runner.waits.clear()
        runner.reached.clear()
        runner.looked = None
        runner.back = self._topics.now + TAKEOVER

    def restore(self, runner: Runner, skew: int = 0) -> bool:
        """Take the runner over, from its changelogs alone; False when it is too early."""
        if self._topics.now < runner.back:
            return False
        runner.skew = skew
        if runner.number == NOWHERE:
            runner.core = Ingress(self._rules, self._catalog)
            return True
        core = runner.core = Shard(runner.number, self._rules, self._catalog)
        for table in core.context.tables:
            rows: dict[str, Any] = table
            decode = _DECODE[table.name]
            for key, value in runner.kept[table.name].items():
                rows[key] = decode(value)
        core.restored(self._topics.now + skew)
        runner.restored = True
        self._topics.say(f"{runner} is taken over")
        return True


_STAGES = list(Stage)


def _commands(runner: Runner) -> Iterator[str]:
    """The commands that will be read once more."""
    for log in runner.logs:
        for record in log[log.committed : log.read]:
            if record.topic == SHARDS:
                number = _passed(record)
                if number is not None:
                    yield number
                note = note_of(record, b"Scatter", b"PartResults")
                if note is not None:
                    yield from _asked_in(Told(note))
            else:
                yield Origin(record.topic, record.partition, record.offset).number


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


def _passed(record: Record) -> str | None:
    """The command that a record of the shards' topic passes on."""
    headers = dict(record.headers)
    if headers.get("flrouter-what") != b"command":
        return None
    return Origin.parse(headers["flrouter-origin"].decode()).number


def _tell(taken: list[tuple[Log, int]], items: list[Input]) -> str:
    """What a batch holds, for the story."""
    read = [f"{log[log.read].topic} {log.read}..{end - 1}" for log, end in taken]
    return ", ".join(read + [str(item) for item in items if isinstance(item, CaughtUp)])


def _told(send: Send) -> str:
    """What a record says, for the story."""
    if send.topic != SHARDS:
        return send.topic
    assert send.value is not None
    what = dict(send.headers)["flrouter-what"]
    said = str(peers.decode(send.value)) if what == b"peer" else str(what, "ascii")
    return f"{said} to {send.partition}"
