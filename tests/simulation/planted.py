"""Bugs to be found: each is planted in the real core or in the simulated runtime, for one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch
from zlib import crc32

from flrouter.core.answer import Answer
from flrouter.core.floodlights import Floodlights
from flrouter.core.gathers import Gathers
from flrouter.core.parts import Parts
from flrouter.core.pending import Requests
from flrouter.core.records import Gather
from flrouter.core.reports import Reports
from flrouter.core.shard import Shard
from flrouter.core.sync import Syncs
from tests.core.world import TOPICS

from .workers import Changes, Hand, Runner, Stage, Wait, Workers


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

    def answer(self: Reports, report: Any, envelope: Any, form: Any, number: str) -> None:
        if number in self._context.blacklist:
            self._context.send(TOPICS["flow"], None, report.data, report.headers)
        else:
            real(self, report, envelope, form, number)

    with patch.object(Reports, "_answer", answer):
        yield


@contextmanager
def forget_changelog_record() -> Iterator[None]:
    """The changelog records of one request, switch or FL in some twenty are not written."""
    real = Workers._keep

    def keep(self: Workers, runner: Runner, changes: Changes) -> None:
        left = [
            (table, [row for row in rows if crc32(row[0].encode()) % 20]) for table, rows in changes
        ]
        real(self, runner, left)

    with patch.object(Workers, "_keep", keep):
        yield


@contextmanager
def tombstone_before_answer() -> Iterator[None]:
    """The changelogs are written before the outputs."""
    order = {
        Stage.SOME_OUTPUTS: Stage.SOME_CHANGELOGS,
        Stage.OUTPUTS: Stage.CHANGELOGS,
        Stage.SOME_CHANGELOGS: Stage.SOME_OUTPUTS,
        Stage.CHANGELOGS: Stage.OUTPUTS,
    }
    real = Workers._perform

    def perform(self: Workers, runner: Runner, hand: Hand, stage: Stage, mask: int) -> None:
        real(self, runner, hand, order.get(stage, stage), mask)

    with patch.object(Workers, "_perform", perform):
        yield


@contextmanager
def fire_without_reading() -> Iterator[None]:
    """Catch-ups are answered at once."""
    real = Workers._stage

    def stage(self: Workers, runner: Runner, wait: Wait) -> Any:
        real(self, runner, wait)
        return []

    with patch.object(Workers, "_stage", stage):
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

    def send(self: Answer, gather: Gather, targets: Any, parts: Any) -> None:
        came = sorted(zip(targets, parts, strict=True), key=lambda each: each[1][0].payload)
        real(self, gather, [target for target, _ in came], [part for _, part in came])

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
            self.caught_up(sync.asked)

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
    "wait-for-the-clock": wait_for_the_clock,
    "deaf-to-larger-numbers": deaf_to_larger_numbers,
}


def planted(name: str | None) -> AbstractContextManager[None]:
    """Plant a bug, or none."""
    return nullcontext() if name is None else PLANTS[name]()
