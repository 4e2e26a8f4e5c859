"""A shard at work: what a late worker's rows do to its changelogs, and when they are mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import pytest

from flrouter.core.shard import Shard
from flrouter.ports import OffsetRange, Partition, Record, Written
from flrouter.runtime.durability.changelog import WHOLE, Changelog, stamp
from flrouter.runtime.durability.guarantee import Checkpoint
from flrouter.runtime.ownership.runner import Runner, Share
from flrouter.runtime.rules import rules_of
from flrouter.runtime.state.reading import changelogs_of, put
from tests.runtime.broker import settings

SETTINGS = settings("tansu://nowhere:1")


class _Guarantee:
    owner: Any
    version: ClassVar[int] = WHOLE


class _Worker:
    """Notes which changelogs are whole whenever a checkpoint is saved."""

    def __init__(self) -> None:
        self.saves: list[set[str]] = []

    def saved(self, number: int, checkpoint: Checkpoint, changelogs: Sequence[Changelog]) -> None:
        self.saves.append({one.table for one in changelogs if not one.torn})


class _Log:
    """A changelog in which a former owner's row lies."""

    def replay(
        self, starts: Any, ends: Any, take: Callable[..., None], done: Callable[[bool], None]
    ) -> None:
        [(at, first)] = starts.items()
        take(at, [Record(first, b"late", None, stamp(0))])
        done(True)


class _Clock:
    def steady_s(self) -> float:
        return 1.0

    def now_ms(self) -> int:
        return 1_000


@pytest.fixture
def worker() -> _Worker:
    return _Worker()


@pytest.fixture
def runner(worker: _Worker) -> Runner:
    """One whose changelogs are fenced at offset 4."""
    core = Shard(0, rules_of(SETTINGS), SETTINGS.message_catalog)
    changelogs = changelogs_of(SETTINGS, 0)
    for changelog in changelogs:
        changelog.fenced(OffsetRange(4, 5, 1))
        changelog.reached(5)
    share = Share(core, partial(put, core), changelogs, [], lambda: None)
    parts: Any = (worker, _Guarantee(), {}, _Log(), _Clock())
    return Runner(0, share, *parts)


def _all(runner: Runner) -> set[str]:
    return {changelog.table for changelog in runner.changelogs}


def _kept(runner: Runner, changelog: Changelog, offsets: OffsetRange) -> None:
    heard: list[bool] = []
    runner.kept(Written({changelog.partition: offsets}), lambda: heard.append(True))
    assert heard == [True]


def test_a_changelog_is_torn_until_a_checkpoint_mends_it(runner: Runner, worker: _Worker) -> None:
    """A row of a former owner lies before one of the owner's: its key is in the next checkpoint."""
    changelog = runner.changelogs[0]
    runner.checkpoint()
    _kept(runner, changelog, OffsetRange(6, 7, 1))
    runner.saved(Checkpoint([], {}))
    mending = runner.checkpoint()
    assert [(row.topic, row.key) for row in mending.rows] == [(changelog.partition.topic, b"late")]
    _kept(runner, changelog, OffsetRange(7, 8, 1))
    runner.saved(mending)
    assert worker.saves == [_all(runner) - {changelog.table}, _all(runner)]


def test_what_lies_at_the_end_tears_it_too(runner: Runner, worker: _Worker) -> None:
    """No row of the owner's comes behind it for a while."""
    changelog = runner.changelogs[0]
    runner.ended(changelog, 6)
    assert changelog.position == 6
    runner.saved(Checkpoint([], {}))
    assert worker.saves == [_all(runner) - {changelog.table}]


def test_foreign_rows_of_before_are_mended_by_the_first_checkpoint(
    runner: Runner, worker: _Worker
) -> None:
    """Those that the takeover had read."""
    share = Share(runner.core, lambda *_: None, runner.changelogs, [], lambda: None)
    runner.changelogs[0].foreign.add(b"late")
    parts: Any = (worker, _Guarantee(), {}, _Log(), _Clock())
    successor = Runner(0, share, *parts)
    assert successor.changelogs[0].torn
    assert [row.key for row in successor.checkpoint().rows] == [b"late"]
    successor.saved(Checkpoint([], {}))
    assert worker.saves == [_all(runner)]


def test_partitions_are_kept_apart(runner: Runner, worker: _Worker) -> None:
    """Records that are no rows of the shard's tear nothing."""
    heard: list[bool] = []
    written = Written({Partition("out", 0): OffsetRange(9, 12, 1)})
    runner.kept(written, lambda: heard.append(True))
    runner.saved(Checkpoint([], {}))
    assert (heard, worker.saves) == ([True], [_all(runner)])
