"""Both guarantees, step by step: what waits for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from flrouter.core.values.effects import Answering, Effects, Send
from flrouter.ports import OffsetRange, Partition, Refusal, Written
from flrouter.runtime.durability.at_least_once import (
    CHECKPOINT_INTERVAL_S,
    MAX_UNDER_WAY,
    AtLeastOnce,
)
from flrouter.runtime.durability.changelog import SEALED, WHOLE
from flrouter.runtime.durability.exactly_once import MAX_PAUSE_S, MAX_REST_S, ExactlyOnce
from flrouter.runtime.durability.guarantee import Checkpoint
from tests.core.world import DEAD, rules

IN = Partition("in", 0)

#: inputs at once that are a load, though nothing came for long.
MANY = 1_000_000


class _Clock:
    s = 1_000.0

    def now_ms(self) -> int:
        return round(self.s * 1_000)

    def steady_s(self) -> float:
        return self.s


class _Owner:
    """Has one row and one position more with every batch."""

    def __init__(self) -> None:
        self.decided = 0
        #: whether a batch leaves a row.
        self.rows = True
        self._taken = 0
        #: how many rows each checkpoint had that is whole.
        self.saved_counts: list[int] = []
        #: where rows and seals lie that it was told of.
        self.kept_ranges: list[Mapping[Partition, OffsetRange]] = []
        #: whether it takes time until a checkpoint counts, and what is called then.
        self.looks_slowly = False
        self.looks: list[Callable[[], None]] = []
        self.rooms = 0
        self.delays: list[float] = []
        self.losses: list[str] = []
        self.refusals: list[str] = []

    def checkpoint(self) -> Checkpoint:
        new, self._taken = range(self._taken, self.decided), self.decided
        rows = [Send("log", 0, b"%d" % at, b"row") for at in new if self.rows]
        return Checkpoint(rows, {IN: self.decided} if new else {})

    def seal(self) -> Send:
        return Send("log", 0, b"seal", b"")

    def saved(self, checkpoint: Checkpoint) -> None:
        self.saved_counts.append(len(checkpoint.rows))

    def kept(self, written: Written, done: Callable[[], None]) -> None:
        self.kept_ranges.append(written.ranges)
        self.looks.append(done)
        if not self.looks_slowly:
            done()

    def refused(self, refusals: Sequence[Refusal]) -> None:
        self.refusals += [f"{send.topic}: {why}" for send, why, _ in refusals]

    def has_room(self) -> None:
        self.rooms += 1

    def run_later(self, delay_s: float) -> None:
        self.delays.append(round(delay_s, 6))

    def lost(self, why: str) -> None:
        self.losses.append(why)


class _Desk:
    """At least once, and what it wants written."""

    def __init__(self) -> None:
        self.clock = _Clock()
        self.writes: list[tuple[list[Send], Callable[[Written], None]]] = []
        self.acknowledged: list[Mapping[Partition, int]] = []
        self.done: list[str] = []
        self.owner = _Owner()
        self.guarantee = AtLeastOnce(self._write, self.acknowledged.append, rules(), self.clock)
        self.guarantee.owner = self.owner
        self.guarantee.keep(Effects(), lambda: None)  # takes the beat that begins with the clock

    def _write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        self.writes.append((list(sends), done))

    def keep(self, name: str, *, checkpoint: bool = False) -> None:
        effects = Effects()
        effects.sends = [Send("out", 0, name.encode(), b"")]
        effects.checkpoint = checkpoint
        self.owner.decided += 1
        self.guarantee.keep(effects, lambda: self.done.append(name))

    def keys(self) -> list[list[bytes | None]]:
        return [[send.key for send in sends] for sends, _ in self.writes]

    def durable(self, at: int = 0, *refused: Refusal) -> None:
        outcome = Written()
        for send in self.writes[at][0]:
            outcome.ranges[Partition(send.topic, 0)] = OffsetRange(0, 1, 1)
        outcome.refused += refused
        self.writes.pop(at)[1](outcome)

    def next_beat(self) -> None:
        self.clock.s += CHECKPOINT_INTERVAL_S


def test_batches_travel_side_by_side_and_are_told_in_order() -> None:
    """What is durable first is told only when all before it is."""
    desk = _Desk()
    desk.keep("a")
    desk.keep("b")
    assert desk.keys() == [[b"a"], [b"b"]]
    desk.durable(1)
    assert desk.done == []
    desk.durable(0)
    assert desk.done == ["a", "b"]


def test_rows_wait_for_the_outputs_that_they_hold_and_no_others() -> None:
    """The seal for the rows, and the acknowledgement for the seal."""
    desk = _Desk()
    desk.next_beat()
    desk.keep("a")  # begins a checkpoint that holds it
    desk.keep("b")
    assert desk.keys() == [[b"a"], [b"b"]]
    desk.durable(0)
    assert desk.keys() == [[b"b"], [b"0"]]
    desk.durable(1)
    assert desk.keys() == [[b"b"], [b"seal"]]
    assert desk.acknowledged == []
    desk.durable(1)
    assert desk.acknowledged == [{IN: 1}]
    desk.durable(0)
    assert desk.done == ["a", "b"]
    assert desk.acknowledged == [{IN: 1}]  # b waits for the next checkpoint


def test_a_seal_waits_until_it_is_certain_whose_the_shard_is() -> None:
    """And so does the acknowledgement: another worker may have fenced it before rows or seal."""
    desk = _Desk()
    desk.next_beat()
    desk.owner.looks_slowly = True
    desk.keep("a")
    desk.durable()
    assert desk.keys() == [[b"0"]]
    desk.durable()
    assert desk.keys() == []  # the rows lie there, and nobody has looked
    desk.owner.looks.pop()()
    assert desk.keys() == [[b"seal"]]
    desk.durable()
    assert (desk.acknowledged, desk.owner.saved_counts) == ([], [])
    desk.guarantee._acknowledge = lambda _: events.append(list(desk.owner.saved_counts))
    events: list[list[int]] = []
    desk.owner.looks.pop()()
    assert events == [[1]]  # a local copy has the rows by then
    assert desk.owner.kept_ranges == [{Partition("log", 0): OffsetRange(0, 1, 1)}] * 2


def test_without_rows_there_is_nothing_to_seal() -> None:
    """What was answered at once leaves none."""
    desk = _Desk()
    desk.owner.rows = False
    desk.next_beat()
    desk.keep("a")
    desk.durable()
    assert desk.writes == []
    assert desk.acknowledged == [{IN: 1}]


def test_a_seal_that_is_refused_loses_the_shard() -> None:
    """Its rows do not count, so nothing of it may be acknowledged."""
    desk = _Desk()
    desk.next_beat()
    desk.keep("a")
    desk.durable()
    desk.durable()
    desk.durable(0, Refusal(desk.owner.seal(), "No such topic.", False))
    assert desk.owner.losses == ["a seal is refused: No such topic."]
    assert desk.acknowledged == []


@pytest.mark.parametrize("at", range(5))
def test_who_is_dropped_in_the_middle_of_a_checkpoint_writes_no_more(at: int) -> None:
    """Outputs, rows or seal are durable, and nothing follows from it."""
    desk = _Desk()
    desk.next_beat()
    desk.owner.looks_slowly = True
    desk.keep("a")

    def look() -> None:
        desk.owner.looks.pop()()

    steps = [desk.durable, desk.durable, look, desk.durable, look]
    for step in steps[:at]:
        step()
    desk.guarantee.drop()
    steps[at]()
    assert (desk.writes, desk.acknowledged, desk.owner.saved_counts) == ([], [], [])
    assert not desk.owner.looks


def test_a_batch_that_must_be_safe_first_holds_up_what_follows() -> None:
    """Until a checkpoint holds it, also when one that does not is under way."""
    desk = _Desk()
    desk.next_beat()
    desk.keep("a")
    desk.keep("b", checkpoint=True)
    assert desk.guarantee.busy
    desk.durable(0)  # a; its rows follow
    desk.durable(0)  # b
    assert desk.guarantee.busy
    desk.durable(0)  # the rows of a
    desk.durable(0)  # their seal
    assert desk.guarantee.busy
    assert desk.keys() == [[b"1"]]
    desk.durable(0)
    desk.durable(0)
    assert not desk.guarantee.busy
    assert desk.owner.rooms == 1
    assert desk.acknowledged == [{IN: 1}, {IN: 2}]


def test_so_many_batches_travel_and_no_more() -> None:
    """Then the next one waits, and is told when it may go."""
    desk = _Desk()
    for at in range(MAX_UNDER_WAY):
        assert not desk.guarantee.busy
        desk.keep(str(at))
    assert desk.guarantee.busy
    desk.durable(1)
    assert desk.guarantee.busy
    desk.durable(0)
    assert not desk.guarantee.busy
    assert desk.owner.rooms == 1


def test_what_is_written_in_the_place_of_a_refused_record_belongs_to_its_batch() -> None:
    """Whoever waits for it gets an error; until that is durable the batch is not."""
    desk = _Desk()
    desk.keep("a")
    answer = Send("out", 0, b"a", b"x", (), Answering("an id", "in/0/0"))
    desk.durable(0, Refusal(answer, "Too large.", True))
    assert desk.done == []
    [(instead, _)] = desk.writes
    assert [send.topic for send in instead] == [DEAD, "out"]
    desk.durable()
    assert desk.done == ["a"]


def test_finishing_ends_in_a_checkpoint_of_all() -> None:
    """After the one under way; nothing is decided meanwhile."""
    desk = _Desk()
    finished: list[bool] = []
    desk.next_beat()
    desk.keep("a")
    desk.keep("b")
    desk.guarantee.finish(lambda: finished.append(True))
    assert desk.guarantee.busy
    while desk.writes:
        assert not finished
        desk.durable()
    assert finished == [True]
    assert desk.acknowledged == [{IN: 1}, {IN: 2}]
    assert desk.owner.saved_counts == [1, 1]


def test_there_may_be_nothing_to_finish() -> None:
    """Then it is done at once."""
    desk = _Desk()
    finished: list[bool] = []
    desk.guarantee.finish(lambda: finished.append(True))
    assert finished == [True]
    assert not desk.writes


def test_who_is_dropped_hears_nothing_and_does_nothing() -> None:
    """Above all it acknowledges nothing."""
    desk = _Desk()
    desk.next_beat()
    desk.keep("a")
    desk.guarantee.drop()
    desk.durable()
    assert (desk.done, desk.acknowledged, desk.writes) == ([], [], [])


class _Transaction:
    """Commits when the test says so."""

    def __init__(self) -> None:
        self.commits: list[tuple[list[Send], Mapping[Partition, int], Any]] = []
        self.closed = False

    def open(self, done: Callable[[str | None], None]) -> None:
        done(None)

    def commit(self, sends: Sequence[Send], offsets: Mapping[Partition, int], done: Any) -> None:
        self.commits.append((list(sends), offsets, done))

    def close(self) -> None:
        self.closed = True


class _Bank:
    """Exactly once."""

    def __init__(self) -> None:
        self.transaction = _Transaction()
        self.owner = _Owner()
        self.done: list[str] = []
        self.clock = _Clock()
        self.guarantee = ExactlyOnce(self.transaction, rules(), self.clock)
        self.guarantee.owner = self.owner

    def keep(self, name: str, inputs: int = 0) -> None:
        effects = Effects()
        effects.inputs = inputs
        effects.sends = [Send("out", 0, name.encode(), b"")]
        self.owner.decided += 1
        self.guarantee.keep(effects, lambda: self.done.append(name))

    def committing(self) -> list[bytes | None]:
        [(sends, _, _)] = self.transaction.commits
        return [send.key for send in sends]

    def tell(self, outcome: Written | str) -> None:
        self.transaction.commits.pop()[2](outcome)


def test_a_batch_commits_at_once_and_what_comes_meanwhile_commits_together() -> None:
    """Outputs, rows and positions of all of them."""
    bank = _Bank()
    bank.keep("a")
    assert bank.committing() == [b"a", b"0"]
    bank.keep("b")
    bank.keep("c")
    assert bank.committing() == [b"a", b"0"]
    bank.tell(Written())
    assert bank.done == ["a"]
    assert bank.committing() == [b"b", b"c", b"1", b"2"]
    assert bank.transaction.commits[0][1] == {IN: 3}
    bank.tell(Written())
    assert bank.done == ["a", "b", "c"]
    assert not bank.transaction.commits


def test_under_load_a_transaction_gathers_for_a_while() -> None:
    """What comes soon after a large one waits; whoever comes alone later does not."""
    bank = _Bank()
    bank.keep("a", inputs=MANY)
    bank.tell(Written())
    bank.keep("b", inputs=MANY)
    bank.keep("c")
    assert not bank.transaction.commits
    assert bank.owner.delays == [MAX_PAUSE_S]  # it is asked for once, and needs nothing to come
    bank.clock.s += MAX_PAUSE_S
    bank.keep("nothing new")
    assert bank.committing() == [b"b", b"c", b"nothing new", b"1", b"2", b"3"]
    bank.tell(Written())
    bank.clock.s += 1
    bank.keep("d", inputs=1)
    bank.tell(Written())
    bank.clock.s += 0.01
    bank.keep("e", inputs=1)
    assert bank.committing() == [b"e", b"5"]


def test_a_rest_follows_a_transaction() -> None:
    """However long it took: its markers are written after that."""
    bank = _Bank()
    bank.keep("a", inputs=MANY)
    bank.keep("b", inputs=MANY)
    bank.clock.s += 10 * MAX_PAUSE_S
    bank.tell(Written())
    assert not bank.transaction.commits
    assert bank.owner.delays == [MAX_REST_S]
    bank.clock.s += MAX_REST_S
    bank.keep("nothing new")
    assert bank.committing() == [b"b", b"nothing new", b"1", b"2"]


def test_finishing_does_not_wait_for_more() -> None:
    """What was decided is committed at once."""
    bank = _Bank()
    bank.keep("a", inputs=MANY)
    bank.tell(Written())
    bank.keep("b", inputs=MANY)
    finished: list[bool] = []
    bank.guarantee.finish(lambda: finished.append(True))
    assert bank.committing() == [b"b", b"1"]
    bank.tell(Written())
    assert finished == [True]


def test_the_next_transaction_waits_until_the_rows_of_the_last_one_count() -> None:
    """Answers do not; whoever keeps a copy of the rows gets them in order."""
    bank = _Bank()
    bank.owner.looks_slowly = True
    bank.keep("a")
    bank.keep("b")
    bank.tell(Written())
    assert bank.done == ["a"]
    assert not bank.transaction.commits
    assert bank.owner.saved_counts == []
    bank.owner.looks.pop()()
    assert bank.owner.saved_counts == [1]
    assert bank.committing() == [b"b", b"1"]


def test_rows_of_a_transaction_need_no_seal() -> None:
    """They are there with all others of it, or not at all."""
    assert (AtLeastOnce.version, ExactlyOnce.version) == (SEALED, WHOLE)


def test_a_transaction_is_tried_again_without_what_is_refused() -> None:
    """Nothing of it was written; the rest, and what stands in its place, is one again."""
    bank = _Bank()
    bank.keep("a")
    outcome = Written()
    outcome.refused.append(Refusal(bank.transaction.commits[0][0][0], "Too large.", True))
    bank.tell(outcome)
    [(sends, offsets, _)] = bank.transaction.commits
    assert [send.topic for send in sends] == [DEAD, "log"]
    assert offsets == {IN: 1}
    bank.tell(Written())
    assert bank.done == ["a"]


def test_a_transaction_that_fails_loses_the_shard() -> None:
    """Its state, and all that was decided on top of it, was never seen."""
    bank = _Bank()
    bank.keep("a")
    bank.keep("b")
    bank.tell("fenced")
    assert bank.owner.losses == ["fenced"]
    assert bank.done == []
    assert not bank.transaction.commits


def test_finishing_waits_for_the_last_transaction() -> None:
    """Dropping lets go of the name."""
    bank = _Bank()
    finished: list[bool] = []
    bank.keep("a")
    bank.keep("b")
    bank.guarantee.finish(lambda: finished.append(True))
    bank.tell(Written())
    assert not finished
    bank.tell(Written())
    assert finished == [True]
    bank.guarantee.drop()
    assert bank.transaction.closed
