"""Bugs to be found: each is planted in the router's own core or runtime, for one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch
from zlib import crc32

import msgspec

from flrouter.core.floodlights.floodlights import Floodlights
from flrouter.core.floodlights.sync import Syncs
from flrouter.core.gathers.answer import Answer
from flrouter.core.gathers.gathers import Gathers
from flrouter.core.gathers.population import Populations
from flrouter.core.reports import Reports
from flrouter.core.requests.parts import Parts
from flrouter.core.requests.pending import Requests
from flrouter.core.shard import Shard
from flrouter.core.switches.holders import SwitchMap
from flrouter.core.switches.listeners import ByAvailability
from flrouter.core.values.effects import Send
from flrouter.core.values.records import Gather, Mode
from flrouter.faust_side import assignor
from flrouter.messages.envelope import Form
from flrouter.runtime.durability import changelog
from flrouter.runtime.durability.at_least_once import AtLeastOnce
from flrouter.runtime.durability.changelog import Changelog
from flrouter.runtime.durability.guarantee import Checkpoint
from flrouter.runtime.ownership.catch_ups import CatchUps
from flrouter.runtime.ownership.lease import Lease
from flrouter.runtime.ownership.restoration import Restoration
from flrouter.runtime.ownership.runner import Runner
from tests.core.world import TOPICS


@contextmanager
def drop_one_ack() -> Iterator[None]:
    """The FlReceiveAck of one request in some ten has no effect."""
    real = Requests.acknowledged

    def acknowledged(self: Requests, number: str, *args: Any, **more: Any) -> None:
        if crc32(number.encode()) % 10:
            real(self, number, *args, **more)

    with patch.object(Requests, "acknowledged", acknowledged):
        yield


@contextmanager
def answer_after_blacklist() -> Iterator[None]:
    """What an FL sends after the router has answered with an error is passed on."""
    real = Reports._answer

    def answer(
        self: Reports, report: Any, envelope: Any, form: Any, number: str, *more: Any
    ) -> None:
        if number in self._context.blacklist:
            self._context.send(TOPICS["flow"], None, report.data, report.headers)
        else:
            real(self, report, envelope, form, number, *more)

    with patch.object(Reports, "_answer", answer):
        yield


@contextmanager
def forget_changelog_record() -> Iterator[None]:
    """The changelog records of one request, switch or FL in some twenty are not written."""
    real = Runner.checkpoint

    def checkpoint(self: Runner) -> Checkpoint:
        restored = real(self)
        return restored._replace(rows=[row for row in restored.rows if crc32(row.key or b"") % 20])

    with patch.object(Runner, "checkpoint", checkpoint):
        yield


@contextmanager
def tombstone_before_answer() -> Iterator[None]:
    """Outputs wait for the checkpoint that holds them, and not it for them."""
    real_begin, real_send, real_sealed = AtLeastOnce._begin, AtLeastOnce._send, AtLeastOnce._sealed
    waiting: dict[AtLeastOnce, list[tuple[Sequence[Send], Any]]] = {}

    def send(self: AtLeastOnce, sends: Sequence[Send], batch: Any) -> None:
        batch.writes += 1
        waiting.setdefault(self, []).append((sends, batch))

    def begin(self: AtLeastOnce) -> None:
        real_begin(self)
        if self._checkpoint is None or not self._checkpoint.rows:
            go_on(self)
        elif not self._saving:
            self._save(self._checkpoint.rows)

    def sealed(self: AtLeastOnce) -> None:
        go_on(self)
        real_sealed(self)

    def go_on(self: AtLeastOnce) -> None:
        for sends, batch in waiting.pop(self, ()):
            batch.writes -= 1
            real_send(self, sends, batch)

    with (
        patch.object(AtLeastOnce, "_begin", begin),
        patch.object(AtLeastOnce, "_send", send),
        patch.object(AtLeastOnce, "_sealed", sealed),
    ):
        yield


@contextmanager
def fire_without_reading() -> Iterator[None]:
    """Catch-ups are answered at once."""

    def ask(self: CatchUps, floodlight: str, number: int, done: Callable[[], None]) -> None:
        done()

    with patch.object(CatchUps, "ask", ask):
        yield


@contextmanager
def commit_before_outputs() -> Iterator[None]:
    """Inputs are acknowledged when they are decided."""
    real = AtLeastOnce.keep

    def keep(self: AtLeastOnce, *what: Any) -> None:
        self._acknowledge(dict(self.owner._positions))  # type: ignore[attr-defined]
        real(self, *what)

    with patch.object(AtLeastOnce, "keep", keep):
        yield


@contextmanager
def read_before_restore() -> Iterator[None]:
    """The changelogs are not read."""

    def committed(self: Restoration, positions: Any) -> None:
        if positions is None:
            self._fail("nobody tells")
            return
        self.positions = {at: positions.get(at, 0) for at in self.positions}
        self._replayed()

    with patch.object(Restoration, "_committed", committed):
        yield


class _ReadToThere:
    """A worker's log, which replays no further than readers could see a moment ago."""

    def __init__(self, log: Any, ends: Any) -> None:
        self._log = log
        self._ends = ends

    def replay(self, starts: Any, ends: Any, *callbacks: Any) -> None:
        known = self._ends
        self._log.replay(starts, {at: min(end, known[at]) for at, end in ends.items()}, *callbacks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@contextmanager
def restore_to_the_high_watermark() -> Iterator[None]:
    """Changelogs are replayed to the high watermark of before the fence, not up to the fence: rows
    that a leader has appended and its follower has not are not seen.
    """
    real = Restoration._fence

    def fence(self: Restoration) -> None:
        changelogs = [one.partition for share in self.shares.values() for one in share.changelogs]

        def told(ends: Any) -> None:
            if ends is None:
                self._fail("nobody tells")
                return
            self._log = _ReadToThere(self._log, ends)  # type: ignore[assignment]
            real(self)

        self._log.ends(changelogs, self._while_wanted(told))

    with patch.object(Restoration, "_fence", fence):
        yield


@contextmanager
def zombies_rows_count() -> Iterator[None]:
    """Rows of former owners are taken as any other; nobody looks for them either."""
    with (
        patch.object(changelog, "stamp_of", lambda row, where: (changelog.WHOLE, 1 << 60)),
        patch.object(Changelog, "intruded", lambda self, rows: set()),
    ):
        yield


@contextmanager
def zombies_rows_stay() -> Iterator[None]:
    """What a former owner wrote is not written again."""
    with patch.object(Runner, "_write_again", lambda self, changelog, keys: None):
        yield


@contextmanager
def no_lease() -> Iterator[None]:
    """A worker never doubts that its shards are its own."""
    with patch.object(Lease, "may_write", True):
        yield


@contextmanager
def deal_before_let_go() -> Iterator[None]:
    """A shard that moves is dealt to its next owner while the present one works on it."""
    with patch.object(assignor, "hold_back", lambda owners, held: (owners, [])):
        yield


@contextmanager
def lose_a_result() -> Iterator[None]:
    """What came for one part in some ten is not told to its command's home."""
    real = Parts.answered

    def answered(self: Parts, number: str, *args: Any) -> None:
        if crc32(number.encode()) % 10:
            real(self, number, *args)

    with patch.object(Parts, "answered", answered):
        yield


@contextmanager
def forget_what_was_answered() -> Iterator[None]:
    """A command that was gathered is not known any more as soon as it is answered."""
    real = Gathers._finish

    def finish(self: Gathers, number: str, *args: Any) -> None:
        real(self, number, *args)
        self._context.gathers.drop(number)

    with patch.object(Gathers, "_finish", finish):
        yield


@contextmanager
def order_of_arrival() -> Iterator[None]:
    """The entries stand in the order in which the switches' results came, not as listed."""
    real = Answer.send

    def send(self: Answer, gather: Gather, targets: Any, parts: Any) -> str:
        came = sorted(zip(targets, parts, strict=True), key=lambda each: each[1][0].payload)
        return real(self, gather, [target for target, _ in came], [part for _, part in came])

    with patch.object(Answer, "send", send):
        yield


@contextmanager
def believe_the_end() -> Iterator[None]:
    """A dump ends with its marker, whatever lies unread in other partitions."""
    real = Syncs.take

    def take(self: Syncs, report: Any, envelope: Any, form: Any, *number: Any) -> None:
        real(self, report, envelope, form, *number)
        sync = self._running.get(report.floodlight)
        if sync is not None and sync.end is not None:
            self._context.caught_up(sync.asked)

    with patch.object(Syncs, "take", take):
        yield


@contextmanager
def join_any_sync() -> Iterator[None]:
    """Who asks for a sync while one runs is not remembered."""
    real = Syncs.serve

    def serve(self: Syncs, floodlight: str, *more: Any) -> None:
        if floodlight not in self._running:
            real(self, floodlight, *more)

    with patch.object(Syncs, "serve", serve):
        yield


@contextmanager
def count_tries_anew() -> Iterator[None]:
    """Who asks for a sync in the pause before the next try makes that the first one again."""
    real = Syncs.serve

    def serve(self: Syncs, floodlight: str, *more: Any) -> None:
        plan = self._planned.get(floodlight)
        if plan is not None:
            self._planned[floodlight] = plan._replace(retries=0)
        real(self, floodlight, *more)

    with patch.object(Syncs, "serve", serve):
        yield


@contextmanager
def pass_errors_of_syncs_on() -> Iterator[None]:
    """Listeners get what an FL sends in place of a chain, though it is asked again."""
    real = Syncs.take

    def take(self: Syncs, report: Any, envelope: Any, form: Any, *number: Any) -> None:
        sync = self._running.get(report.floodlight)
        if sync is not None and form is Form.ERROR:
            self._pass_on(sync, report.floodlight, report, envelope)
        real(self, report, envelope, form, *number)

    with patch.object(Syncs, "take", take):
        yield


@contextmanager
def wait_for_the_clock() -> Iterator[None]:
    """What was to happen before a clock was set back happens when it is there again."""
    with patch.object(Shard, "_rearm", lambda self: None):
        yield


@contextmanager
def deaf_to_larger_numbers() -> Iterator[None]:
    """The home of an FL does not hear under which numbers others know it and its syncs already."""
    heard, receipt = Floodlights.heard, Syncs.receipt

    def hear(self: Floodlights, news: Any) -> None:
        if self._context.home(news.floodlight) != self._context.number:
            heard(self, news)

    def take(self: Syncs, note: Any) -> None:
        state = self._context.floodlights.get(note.floodlight)
        if state is None or note.attempt <= state.attempt:
            receipt(self, note)

    with patch.object(Floodlights, "heard", hear), patch.object(Syncs, "receipt", take):
        yield


@contextmanager
def look_at_one_topic() -> Iterator[None]:
    """Of an FL's write topics only the last is read up before a deadline fires."""
    real = CatchUps.ask

    def ask(self: CatchUps, floodlight: str, *more: Any) -> None:
        rules = self._rules
        self._rules = msgspec.structs.replace(rules, fl_write_topics=rules.fl_write_topics[-1:])
        real(self, floodlight, *more)
        self._rules = rules

    with patch.object(CatchUps, "ask", ask):
        yield


@contextmanager
def end_a_sync_early() -> Iterator[None]:
    """A list without an end is over when its time is, whatever lies unread."""
    real = Syncs.tick

    def tick(self: Syncs) -> None:
        real(self)
        for sync in list(self._running.values()):
            if sync.asked and self._context.rules.sync_quiet:
                self._context.caught_up(sync.asked)

    with patch.object(Syncs, "tick", tick):
        yield


@contextmanager
def forget_the_mode() -> Iterator[None]:
    """A list that has no end makes an FL the master of all that it lists."""
    real = SwitchMap.listed

    def listed(self: SwitchMap, name: str, floodlight: str, attempt: int, *more: Any) -> None:
        real(self, name, floodlight, attempt, Mode.RW, *more[1:])

    with patch.object(SwitchMap, "listed", listed):
        yield


@contextmanager
def gone_with_its_first_master() -> Iterator[None]:
    """Listeners are told that a switch is gone when its master is, though another FL serves it."""
    real = ByAvailability._master

    def master(self: ByAvailability, switch: Any) -> str:
        now = real(self, switch)
        return now if switch.told_master in {"", now} else ""

    with patch.object(ByAvailability, "_master", master):
        yield


@contextmanager
def forget_what_was_told() -> Iterator[None]:
    """What listeners were told of a switch is not kept, when that is all that changed."""
    real = ByAvailability.changed

    def changed(self: ByAvailability, name: str, switch: Any) -> None:
        told = switch.told, switch.told_master
        real(self, name, switch)
        switch.told, switch.told_master = told

    with patch.object(ByAvailability, "changed", changed):
        yield


@contextmanager
def ask_masters_too() -> Iterator[None]:
    """Masters are asked for all of their switches, also for those that another FL is asked for."""
    real = Populations._read_only_first

    def read_only_first(self: Populations) -> dict[str, list[str]]:
        return {**real(self), **self._by_master()}

    with patch.object(Populations, "_read_only_first", read_only_first):
        yield


@contextmanager
def count_what_is_not_sealed() -> Iterator[None]:
    """Rows of a checkpoint count, whether all are there or some."""
    real = changelog.stamp_of

    def whole(*row: Any) -> tuple[int, int]:
        return changelog.WHOLE, real(*row)[1]

    with patch.object(changelog, "stamp_of", whole):
        yield


@contextmanager
def copy_what_is_torn() -> Iterator[None]:
    """A local copy goes on behind foreign rows before their keys are written again."""
    with patch.object(Changelog, "torn", property(lambda self: False, lambda self, torn: None)):
        yield


@contextmanager
def lose_the_form() -> Iterator[None]:
    """What an error in a requester's own form needs is not kept with the command."""
    with patch("flrouter.core.commands.draft", lambda form, data: b""):
        yield


#: name → plants the bug.
PLANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "drop-one-ack": drop_one_ack,
    "answer-after-blacklist": answer_after_blacklist,
    "forget-changelog-record": forget_changelog_record,
    "tombstone-before-answer": tombstone_before_answer,
    "fire-without-reading": fire_without_reading,
    "lose-a-result": lose_a_result,
    "forget-what-was-answered": forget_what_was_answered,
    "order-of-arrival": order_of_arrival,
    "believe-the-end": believe_the_end,
    "join-any-sync": join_any_sync,
    "count-tries-anew": count_tries_anew,
    "pass-errors-of-syncs-on": pass_errors_of_syncs_on,
    "wait-for-the-clock": wait_for_the_clock,
    "deaf-to-larger-numbers": deaf_to_larger_numbers,
    "commit-before-outputs": commit_before_outputs,
    "read-before-restore": read_before_restore,
    "restore-to-the-high-watermark": restore_to_the_high_watermark,
    "zombies-rows-count": zombies_rows_count,
    "zombies-rows-stay": zombies_rows_stay,
    "no-lease": no_lease,
    "deal-before-let-go": deal_before_let_go,
    "look-at-one-topic": look_at_one_topic,
    "end-a-sync-early": end_a_sync_early,
    "forget-the-mode": forget_the_mode,
    "gone-with-its-first-master": gone_with_its_first_master,
    "forget-what-was-told": forget_what_was_told,
    "ask-masters-too": ask_masters_too,
    "lose-the-form": lose_the_form,
    "count-what-is-not-sealed": count_what_is_not_sealed,
    "copy-what-is-torn": copy_what_is_torn,
}


def planted(name: str | None) -> AbstractContextManager[None]:
    """Plant a bug, or none."""
    return nullcontext() if name is None else PLANTS[name]()
