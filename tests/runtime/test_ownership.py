"""Ownership's transition table, row by row; schedules of many steps are the simulation's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

import msgspec
import pytest

from flrouter.core.values.effects import Effects, Send
from flrouter.messages.headers import SEAL
from flrouter.ports import (
    Answer,
    OffsetRange,
    Partition,
    Record,
    Refusal,
    Start,
    Transaction,
    Written,
)
from flrouter.runtime.durability.changelog import (
    FORMAT,
    SEAL_KEY,
    SEAL_TABLE,
    SEALED,
    Changelog,
    stamp,
)
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Checkpoint, Guarantee
from flrouter.runtime.durability.guarantee import Owner as RunnersOwner
from flrouter.runtime.ownership.lease import COMMIT_INTERVAL_S
from flrouter.runtime.ownership.ownership import LOOK_INTERVAL_S, RESTORE_PAUSE_S, Ownership
from flrouter.runtime.ownership.runner import Runner, Share

SESSION_S = 10.0
IN, LOG = Partition("in", 0), Partition("log", 0)
#: no row with this key can be read.
UNREADABLE = b"unreadable"
IN_1, LOG_1 = Partition("in", 1), Partition("log", 1)
MORE = Partition("more", 0)


class State(Enum):
    """Where that of a worker's shards stands that serves least, as the table names it."""

    JOINING = "nothing is dealt to this worker"
    RESTORING = "it is fenced and restored"
    SERVING = "records flow"
    FROZEN = "nobody knows whether it is still ours"
    LETTING_GO = "what is in hand is finished"
    LOST = "its state was thrown away"


class _Clock:
    def __init__(self) -> None:
        self.s = 1_000.0

    def now_ms(self) -> int:
        return round(self.s * 1_000)

    def steady_s(self) -> float:
        return self.s


class _Group:
    """Writes down what it is asked; a test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Any]] = []
        self.rejoins = self.releases = self.deals = 0

    def prove(self, done: Any) -> None:
        self.asked.append(("prove", None, done))

    def commit(self, offsets: Mapping[Partition, int], done: Any) -> None:
        self.asked.append(("commit", dict(offsets), done))

    def committed(self, partitions: Collection[Partition], done: Any) -> None:
        self.asked.append(("committed", list(partitions), done))

    def released(self) -> None:
        self.releases += 1

    def deal_again(self) -> None:
        self.deals += 1

    def rejoin(self) -> None:
        self.rejoins += 1

    def answer(self, what: str, answer: Any) -> Any:
        """Answer the one thing that it was asked, which is `what`."""
        [(asked, about, done)] = self.asked
        self.asked.clear()
        assert asked == what
        done(answer)
        return about


class _Log:
    def __init__(self) -> None:
        self.reads: list[dict[Partition, Start]] = []
        self.writes: list[tuple[list[Send], Callable[[Written], None]]] = []
        self.replays: list[tuple[Mapping[Partition, int], Mapping[Partition, int], Any, Any]] = []
        self.asked_ends: list[Any] = []
        self.abandoned = 0
        self.transactions: list[_Transaction] = []

    def read(self, starts: Mapping[Partition, Start]) -> None:
        self.reads.append(dict(starts))

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        self.writes.append((list(sends), done))

    def abandon(self) -> None:
        self.abandoned += 1

    def replay(self, starts: Any, ends: Any, take: Any, done: Any) -> None:
        self.replays.append((starts, ends, take, done))

    def ends(self, partitions: Collection[Partition], done: Any) -> None:
        self.asked_ends.append(done)

    def transaction(self, name: str, prove: Callable[[Answer], None]) -> Transaction:
        self.transactions.append(_Transaction())
        return self.transactions[-1]

    def written(self, first: int) -> list[Send]:
        """The one write under way is durable, from `first` on."""
        [(sends, done)] = self.writes
        self.writes.clear()
        outcome = Written()
        for at in {Partition(send.topic, send.partition or 0) for send in sends}:
            count = sum(send.partition == at.number for send in sends)
            outcome.ranges[at] = OffsetRange(first, first + count, count)
        done(outcome)
        return sends


class _Transaction:
    """Is open, and commits, when the test says so."""

    def __init__(self) -> None:
        self.commits: list[tuple[Sequence[Send], Callable[[Written], None]]] = []

    def open(self, done: Callable[[str | None], None]) -> None:
        self.opened = done

    def commit(self, sends: Sequence[Send], offsets: Any, done: Any) -> None:
        self.commits.append((sends, done))

    def close(self) -> None:
        pass


class _Core:
    """Decides nothing."""

    bug: Exception | None = None

    def decide(self, batch: Any, now: int) -> Effects:
        if self.bug is not None:
            raise self.bug
        return Effects()

    def take_changes(self) -> Any:
        return []

    def __init__(self) -> None:
        self.again: set[str] = set()

    def write_again(self, table: str, keys: Any) -> None:
        self.again |= set(keys)


class _Guarantee:
    """Is done when the test says so."""

    owner: RunnersOwner
    version: ClassVar[int] = SEALED
    busy = False

    def __init__(self, write: Any, acknowledge: Any) -> None:
        self.write = write
        self.acknowledge = acknowledge
        self.finishing: Callable[[], None] | None = None
        self.dropped = False

    def keep(self, effects: Effects, done: Callable[[], None]) -> None:
        done()

    def finish(self, done: Callable[[], None]) -> None:
        self.finishing = done

    def drop(self) -> None:
        self.dropped = True


class _World:
    """An ownership and all around it."""

    def __init__(self) -> None:
        self.clock, self.group, self.log = _Clock(), _Group(), _Log()
        self.guarantees: list[_Guarantee] = []
        self.began_with: list[set[int]] = []
        self.left_ones: list[int] = []
        self.refusals: list[str] = []
        #: the transactions' name.
        self.exactly_once: str | None = None
        self.lost_shards: list[str] = []
        self.saved_rows: list[Send] = []
        self.rows: dict[bytes, bytes | None] = {}
        #: how far a local copy has the changelog.
        self.copied = 0
        #: how far a standby has read that it is sealed.
        self.sealed: int | None = 0
        self.own = Ownership(self.group, self.log, self.clock, self, SESSION_S)

    # -- the maker ------------------------------------------------------------------------------

    def dealt(self, assigned: Collection[Partition]) -> Mapping[int, Collection[Partition]]:
        numbers = sorted({at.number for at in assigned})
        return {number: [at for at in assigned if at.number == number] for number in numbers}

    def shares(self, dealt: Mapping[int, Collection[Partition]]) -> Mapping[int, Share]:
        def apply(_table: str, key: bytes, value: bytes | None) -> None:
            if key == UNREADABLE and value is not None:
                raise msgspec.DecodeError("it is none")
            self.rows[key] = value

        shares = {}
        for number, partitions in dealt.items():
            changelog = Changelog(SEAL_TABLE, Partition("log", number))
            if self.copied:
                changelog.copied_to(self.copied, -1)
            elif self.sealed is not None:
                changelog.seals.ends, changelog.seals.epoch = {SEAL_TABLE: self.sealed}, 0
            shares[number] = Share(_Core(), apply, [changelog], list(partitions), lambda: None)
        return shares

    def guarantee(self, write: Any, acknowledge: Any, transaction: Any) -> Guarantee:
        self.guarantees.append(_Guarantee(write, acknowledge))
        return self.guarantees[-1]

    def transaction_name(self, number: int) -> str | None:
        return self.exactly_once

    def runner(self, number: int, share: Share, guarantee: Guarantee, positions: Any) -> Runner:
        return Runner(number, share, self, guarantee, positions, self.log, self.clock)

    def begins(self, partitions: Collection[Partition]) -> None:
        self.never_read = list(partitions)

    def began(self, numbers: Collection[int]) -> None:
        self.began_with.append(set(numbers))

    def left(self, numbers: Collection[int]) -> None:
        self.left_ones += numbers

    def refused(self, why: str) -> None:
        self.refusals.append(why)

    def outdated(self, why: NewerFormat) -> None:
        self.refusals.append(str(why))

    # -- the worker -----------------------------------------------------------------------------

    def taken(self, at: Partition, count: int) -> None:
        pass

    def requests_ended(self, number: int, ends: Any) -> None:
        pass

    def effects_done(self, number: int, effects: Effects) -> None:
        pass

    def not_taken(self, number: int, refusals: Any) -> None:
        pass

    def catch_up(self, number: int, floodlight: str, done: Any) -> None:
        pass

    def wake(self, runner: Runner, delay_s: float = 0.0) -> None:
        pass

    def saved(self, number: int, checkpoint: Any, changelogs: Any) -> None:
        self.saved_rows += checkpoint.rows

    def lost(self, why: str) -> None:
        self.lost_shards.append(why)
        self.own.lost(why)

    # -- steps ----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where this worker stands."""
        own = self.own
        if own._letting_go:
            return State.LETTING_GO
        if own._dealt is None:
            return State.JOINING
        if own.is_restoring:
            return State.RESTORING
        if own._missing:
            return State.LOST
        return State.FROZEN if own._lease.frozen else State.SERVING

    def fence(self, committed: Mapping[Partition, int]) -> Any:
        """Answer all that a restoration asks before it reads; what it wants to read."""
        self.group.answer("prove", True)
        self.log.written(7)
        self.group.answer("committed", committed)
        return self.log.replays.pop()

    def restore(
        self,
        *,
        committed: Mapping[Partition, int],
        rows: Sequence[Record] = (),
        logs: Sequence[Partition] = (LOG,),
    ) -> None:
        """Answer all that a restoration asks, up to its last proof."""
        starts, ends, take, done = self.fence(committed)
        assert (starts, ends) == (dict.fromkeys(logs, 0), dict.fromkeys(logs, 8))
        if rows:
            take(LOG, rows)
        done(True)

    def serve(self) -> None:
        """Own a shard."""
        self.own.assigned([IN], ())
        self.restore(committed={IN: 5})
        assert self.group.answer("commit", True) == {IN: 5}
        assert self.state is State.SERVING

    def serve_both(self) -> None:
        """Own two shards."""
        self.own.assigned([IN, IN_1], ())
        self.restore(committed={IN: 5, IN_1: 5}, logs=(LOG, LOG_1))
        self.group.answer("commit", True)
        assert self.state is State.SERVING

    def wait(self, seconds: float) -> None:
        self.clock.s += seconds
        self.own.tick()


def test_shards_serve_when_every_step_is_done_and_not_before() -> None:
    """Membership, fence, positions, rows up to the fence, and a commit as the last proof."""
    world = _World()
    world.own.assigned([IN], ())
    assert world.state is State.RESTORING
    row = Record(3, b"key", b"value", ())
    world.restore(committed={IN: 5}, rows=[row])
    assert world.state is State.RESTORING
    assert not world.log.reads
    world.group.answer("commit", True)
    assert world.state is State.SERVING
    assert world.log.reads == [{IN: Start(5, world.own.term)}]
    assert world.rows == {b"key": b"value"}


def test_a_shard_that_was_never_sealed_is_before_it_serves() -> None:
    """So whoever takes it over next knows which rows of its first checkpoint count."""
    world = _World()
    world.sealed = None
    world.own.assigned([IN], ())
    world.restore(committed={IN: 5})
    assert not world.group.asked
    [seal] = world.log.written(8)
    assert (seal.topic, seal.partition, seal.key) == (*LOG, SEAL_KEY)
    world.group.answer("commit", True)
    assert world.state is State.SERVING


def test_a_shard_from_a_local_copy_is_sealed_as_far_as_it_counts() -> None:
    """Behind the copy lie rows of a checkpoint that was never sealed."""
    world = _World()
    world.copied = 3
    world.own.assigned([IN], ())
    starts, _, take, done = world.fence({IN: 5})
    assert starts == {LOG: 3}
    take(LOG, [Record(4, b"key", b"value", stamp(0, SEALED))])
    done(True)
    [seal] = world.log.written(8)
    ends = dict(seal.headers)[SEAL]
    assert ends is not None
    assert msgspec.msgpack.decode(ends) == {SEAL_TABLE: 4}


def test_a_shard_that_writes_transactions_is_not_sealed() -> None:
    """Its rows need no seal, and all rows of before count as long as there is none."""
    world = _World()
    world.sealed, world.exactly_once = None, "name"
    world.own.assigned([IN], ())
    world.group.answer("prove", True)
    [transaction] = world.log.transactions
    transaction.opened(None)
    [(fences, fenced)] = transaction.commits
    fenced(Written({LOG: OffsetRange(7, 8, 1)}))
    world.group.answer("committed", {IN: 5})
    *_, done = world.log.replays.pop()
    done(True)
    assert not world.log.writes
    assert len(transaction.commits) == len(fences) == 1
    world.group.answer("prove", True)
    assert world.state is State.SERVING


def test_a_seal_that_is_refused_ends_a_restoration() -> None:
    """As a fence that is."""
    world = _World()
    world.sealed = None
    world.own.assigned([IN], ())
    world.restore(committed={IN: 5})
    [([seal], done)] = world.log.writes
    done(Written(refused=[Refusal(seal, "No such topic.", False)]))
    assert world.state is State.LOST


def test_rows_that_were_not_sealed_are_written_again() -> None:
    """What they stand for is not what the shard has."""
    world = _World()
    world.own.assigned([IN], ())
    world.restore(committed={IN: 5}, rows=[Record(3, b"key", b"value", stamp(0, SEALED))])
    world.group.answer("commit", True)
    assert world.rows == {}
    [runner] = world.own.runners.values()
    assert runner.core.again == {"key"}  # type: ignore[attr-defined]
    [changelog] = runner.changelogs
    assert changelog.version == world.guarantees[0].version
    row = changelog.row("key", None)
    runner.saved(Checkpoint([row], {}))
    assert world.saved_rows == [row]


def test_rows_of_a_shard_that_was_never_sealed_are_a_state_too() -> None:
    """All of them count, so the group must know how far it had read."""
    world = _World()
    world.sealed = None
    world.own.assigned([IN], ())
    world.restore(committed={}, rows=[Record(3, b"key", b"value", stamp(0, SEALED))])
    assert world.rows == {b"key": b"value"}
    assert "no committed offset" in world.refusals[0]


def test_rows_of_a_later_release_end_a_restoration() -> None:
    """Nothing of it is taken over."""
    world = _World()
    world.own.assigned([IN], ())
    world.group.answer("prove", True)
    world.log.written(7)
    world.group.answer("committed", {IN: 5})
    *_, take, done = world.log.replays.pop()
    take(LOG, [Record(3, b"key", b"value", stamp(0, FORMAT + 1))])
    done(True)
    assert (world.state, len(world.refusals)) == (State.LOST, 1)
    assert not world.group.asked


def test_who_was_revoked_while_it_sealed_hears_no_more_of_it() -> None:
    """The seal is durable all the same; nothing follows from it."""
    world = _World()
    world.sealed = None
    world.own.assigned([IN], ())
    world.restore(committed={IN: 5})
    [(_, sealed)] = world.log.writes
    world.own.revoked()
    sealed(Written())
    assert not world.group.asked


@pytest.mark.parametrize(
    ("answer", "becomes", "rejoins"), [(None, State.LOST, 0), (False, State.JOINING, 1)]
)
def test_who_is_not_certain_to_be_a_member_does_not_fence(
    answer: bool | None, becomes: State, rejoins: int
) -> None:
    """Nobody answers: again, later. No member: join anew."""
    world = _World()
    world.own.assigned([IN], ())
    world.group.answer("prove", answer)
    assert not world.log.writes
    assert (world.state, world.group.rejoins) == (becomes, rejoins)


def test_a_group_that_has_changed_meanwhile_ends_a_restoration() -> None:
    """The last proof is refused."""
    world = _World()
    world.own.assigned([IN], ())
    world.restore(committed={IN: 5})
    world.group.answer("commit", False)
    assert (world.state, world.group.rejoins) == (State.JOINING, 1)
    assert not world.own.runners


def test_what_was_lost_is_restored_anew_after_a_pause() -> None:
    """Under a new term; nothing of the old one is heard."""
    world = _World()
    world.own.assigned([IN], ())
    world.group.answer("prove", True)
    [(_, late)] = world.log.writes
    world.log.writes.clear()
    world.own.tick()
    world.own.revoked()
    world.own.assigned([IN], ())
    outcome = Written()
    outcome.ranges[LOG] = OffsetRange(3, 4, 1)
    late(outcome)
    assert [what for what, *_ in world.group.asked] == ["prove"]
    world.group.answer("prove", None)
    assert (world.state, world.own.losses) == (State.LOST, 1)
    world.wait(RESTORE_PAUSE_S / 2)
    assert world.state is State.LOST
    world.wait(RESTORE_PAUSE_S)
    assert world.state is State.RESTORING


def test_a_state_without_committed_offsets_is_refused_loudly() -> None:
    """The group forgot how far it had read; all commands would be done once more."""
    world = _World()
    world.own.assigned([IN], ())
    world.restore(committed={}, rows=[Record(3, b"key", b"value", ())])
    [why] = world.refusals
    assert "no committed offset" in why
    assert "kafka-consumer-groups" in why
    assert world.state is State.LOST


def test_a_state_that_cannot_be_read_is_refused_loudly() -> None:
    """Once its row is written over, the shard serves."""
    world = _World()
    world.own.assigned([IN], ())
    unreadable = Record(3, UNREADABLE, b"x", ())
    world.restore(committed={IN: 5}, rows=[unreadable])
    [why] = world.refusals
    assert "offset 3" in why
    assert world.state is State.LOST
    world.wait(RESTORE_PAUSE_S)
    world.restore(committed={IN: 5}, rows=[unreadable, Record(4, UNREADABLE, None, ())])
    world.group.answer("commit", True)
    assert world.state is State.SERVING


def test_a_local_copy_is_a_state_too() -> None:
    """One that lacks nothing leaves no row to replay."""
    world = _World()
    world.copied = 7
    world.own.assigned([IN], ())
    world.group.answer("prove", True)
    world.log.written(7)
    world.group.answer("committed", {})
    [(starts, _, _, done)] = world.log.replays
    assert starts == {LOG: 7}
    done(True)
    assert len(world.refusals) == 1
    assert world.state is State.LOST


def test_a_new_shard_begins_at_the_beginning() -> None:
    """It has no rows, so nothing is missing."""
    world = _World()
    world.own.assigned([IN], ())
    world.restore(committed={})
    assert world.group.answer("commit", True) == {IN: 0}
    assert world.state is State.SERVING


def test_a_worker_that_is_not_sure_writes_nothing_until_it_is() -> None:
    """And then what it held, in order."""
    world = _World()
    world.serve()
    [guarantee] = world.guarantees
    world.clock.s += SESSION_S
    first, second = Send("out", 0, b"1", b""), Send("out", 0, b"2", b"")
    guarantee.write([first], lambda _: None)
    assert world.state is State.FROZEN
    guarantee.write([second], lambda _: None)
    assert not world.log.writes
    world.own.tick()
    world.group.answer("prove", True)
    assert world.state is State.SERVING
    assert [sends for sends, _ in world.log.writes] == [[first], [second]]


def test_a_commit_that_is_refused_ends_the_lease() -> None:
    """However new the last proof was: the group knows this worker no more."""
    world = _World()
    world.serve()
    [guarantee] = world.guarantees
    guarantee.acknowledge({IN: 6})
    world.wait(COMMIT_INTERVAL_S)
    assert world.group.answer("commit", False) == {IN: 6}
    assert (world.state, world.group.rejoins) == (State.JOINING, 1)
    assert world.own.losses == 1
    assert not world.own.may_write
    assert guarantee.dropped


def test_a_frozen_worker_that_is_no_member_drops_all_before_it_writes() -> None:
    """It gives up its shards and rejoins before it sends anything."""
    world = _World()
    world.serve()
    world.wait(SESSION_S)
    assert world.state is State.FROZEN
    world.guarantees[0].write([Send("out", 0, b"1", b"")], lambda _: None)
    world.group.answer("prove", False)
    assert (world.state, world.group.rejoins) == (State.JOINING, 1)
    assert not world.log.writes
    assert world.guarantees[0].dropped


def test_letting_go_finishes_commits_and_then_releases() -> None:
    """In this order; records that still arrive are not taken."""
    world = _World()
    world.serve()
    term = world.own.term
    world.own.revoked()
    assert world.state is State.LETTING_GO
    assert world.log.reads[-1] == {}
    world.own.arrived(IN, 9, [], term)
    assert not world.group.releases
    [guarantee] = world.guarantees
    guarantee.acknowledge({IN: 8})
    assert guarantee.finishing is not None
    guarantee.finishing()
    assert not world.group.releases
    assert world.group.answer("commit", None) == {IN: 8}
    assert not world.group.releases
    world.own.tick()
    assert world.group.answer("commit", True) == {IN: 8}
    assert world.group.releases == 1
    assert (world.state, world.own.losses) == (State.JOINING, 0)


def test_letting_go_does_not_wait_for_ever() -> None:
    """Others want the shards; what is not finished is done again by them."""
    world = _World()
    world.serve()
    world.own.revoked()
    abandoned = world.log.abandoned
    world.wait(SESSION_S / 2)
    assert world.state is State.JOINING
    assert world.log.abandoned > abandoned
    assert world.group.releases == 1


def test_a_shard_that_is_lost_takes_all_with_it_and_what_is_safe_is_committed() -> None:
    """It is restored under the same membership."""
    world = _World()
    world.serve()
    world.guarantees[0].acknowledge({IN: 8})
    world.own.lost("fenced")
    assert world.state is State.LOST
    assert world.group.answer("commit", True) == {IN: 8}
    assert world.guarantees[0].dropped
    world.wait(RESTORE_PAUSE_S)
    assert world.state is State.RESTORING


def test_a_bug_leaves_nothing_that_a_checkpoint_could_hold() -> None:
    """What is half decided is thrown away; the worker ends, and the next one reads it again."""
    world = _World()
    world.serve()
    [runner] = world.own.runners.values()
    runner.core.bug = ZeroDivisionError()  # type: ignore[attr-defined]
    runner.offer(IN, 6, [])
    with pytest.raises(ZeroDivisionError):
        runner.run()
    assert world.state is State.LOST
    assert world.guarantees[0].dropped
    assert not world.group.asked


def test_a_revoke_meets_a_worker_that_owns_nothing() -> None:
    """It has nothing to finish."""
    world = _World()
    world.own.revoked()
    world.own.assigned([IN], ())
    world.own.revoked()
    assert world.group.releases == 2
    assert world.state is State.JOINING
    world.group.answer("prove", True)  # of the restoration that is over
    assert not world.log.writes


def test_a_runner_that_stands_still_makes_the_worker_leave() -> None:
    """Heartbeats go on, and prove nothing."""
    world = _World()
    world.serve()
    [runner] = world.own.runners.values()
    world.guarantees[0].busy = True
    runner.offer(IN, 6, [])
    for _ in range(70):
        world.wait(1.0)
        if world.group.asked:
            world.group.answer("prove", True)
    assert world.state is State.JOINING
    assert world.group.rejoins == 1


def test_the_ends_of_changelogs_are_looked_at_for_rows_of_others() -> None:
    """A fence there takes the shard; it may have had nothing to write itself for long."""
    world = _World()
    world.serve()
    for _ in range(int(LOOK_INTERVAL_S)):
        world.wait(1.0)
        if world.group.asked:
            world.group.answer("prove", True)
    [ends] = world.log.asked_ends
    ends({LOG: 9})
    [(starts, until, take, done)] = world.log.replays
    assert (starts, until) == ({LOG: 8}, {LOG: 9})
    fence = Changelog(SEAL_TABLE, LOG).a_fence()
    take(LOG, [Record(8, fence.key, fence.value, fence.headers)])
    done(True)
    assert world.lost_shards == ["shard 0: log/0 is fenced"]
    assert world.state is State.LOST


def test_what_was_read_under_an_older_term_is_not_taken() -> None:
    """Its partitions may be somebody else's by now."""
    world = _World()
    world.serve()
    [runner] = world.own.runners.values()
    world.own.arrived(IN, 6, ["an input"], world.own.term - 1)  # type: ignore[list-item]
    assert runner.waiting == 0
    world.own.arrived(IN, 6, ["an input"], world.own.term)  # type: ignore[list-item]
    assert runner.waiting == 1


# -- dealing anew -------------------------------------------------------------------------------


def test_a_shard_that_stays_is_not_touched_when_another_is_dealt_away() -> None:
    """That one is finished and committed before anybody else is given it."""
    world = _World()
    world.serve_both()
    stays, goes = world.guarantees
    before = world.log.reads[-1]
    world.own.assigned([IN], {0, 1})
    assert world.state is State.LETTING_GO
    assert world.log.reads[-1] == {IN: before[IN]}
    assert world.own.held == {0, 1}
    goes.acknowledge({IN_1: 8})
    assert goes.finishing is not None
    goes.finishing()
    assert world.group.answer("commit", None) == {IN_1: 8}
    assert (world.group.deals, world.own.held) == (0, {0, 1})
    world.own.tick()
    assert world.group.answer("commit", True) == {IN_1: 8}
    assert (world.group.deals, world.own.held) == (1, {0})
    assert world.left_ones == [1]
    assert (goes.dropped, stays.dropped, stays.finishing) == (True, False, None)
    assert (world.state, world.own.losses) == (State.SERVING, 0)


def test_what_was_acknowledged_before_is_committed_too_before_a_shard_is_let_go_of() -> None:
    """A commit that is under way when all is finished is waited for."""
    world = _World()
    world.serve_both()
    _, goes = world.guarantees
    goes.acknowledge({IN_1: 6})
    world.wait(COMMIT_INTERVAL_S)
    world.own.assigned([IN], {0, 1})
    goes.acknowledge({IN_1: 7})
    assert goes.finishing is not None
    goes.finishing()
    assert world.group.answer("commit", True) == {IN_1: 6}
    assert not world.group.deals
    assert world.group.answer("commit", True) == {IN_1: 7}
    assert world.group.deals == 1


def test_a_shard_that_comes_is_restored_while_the_others_serve() -> None:
    """And if a step fails it alone is restored anew."""
    world = _World()
    world.serve()
    [stays] = world.guarantees
    [runner] = world.own.runners.values()
    before = world.log.reads[-1]
    world.own.assigned([IN, IN_1], {0})
    assert world.state is State.RESTORING
    assert world.own.serves
    world.own.arrived(IN, 6, ["an input"], before[IN].term)  # type: ignore[list-item]
    assert runner.waiting == 1
    world.group.answer("prove", None)
    assert (world.state, world.own.losses) == (State.LOST, 1)
    assert world.own.serves
    world.wait(RESTORE_PAUSE_S)
    world.restore(committed={IN_1: 5}, logs=[LOG_1])
    assert world.group.answer("commit", True) == {IN_1: 5}
    assert world.state is State.SERVING
    assert world.log.reads[-1] == before | {IN_1: Start(5, world.own.term)}
    assert world.began_with == [{0}, {1}]
    assert not stays.dropped


def test_who_was_no_member_for_a_while_begins_anew() -> None:
    """Others may have had its shards meanwhile, though they are dealt to it again."""
    world = _World()
    world.serve()
    world.own.assigned([IN], ())
    assert world.guarantees[0].dropped
    assert world.log.reads[-1] == {}
    world.restore(committed={IN: 9})
    world.group.answer("commit", True)
    assert world.log.reads[-1] == {IN: Start(9, world.own.term)}


def test_who_hears_that_it_is_no_member_drops_all() -> None:
    """The client joins anew by itself."""
    world = _World()
    world.serve()
    world.own.evicted()
    assert world.guarantees[0].dropped
    assert (world.state, world.own.losses, world.own.held) == (State.JOINING, 1, frozenset())
    assert not world.group.rejoins
    world.own.evicted()
    assert world.own.losses == 1


def test_a_topic_that_comes_is_read_by_a_shard_that_goes_on() -> None:
    """From where the group committed; and from where it was left when it goes and comes again."""
    world = _World()
    world.serve()
    [runner] = world.own.runners.values()
    before = world.log.reads[-1]
    world.own.assigned([IN, MORE], {0})
    assert world.group.answer("committed", None) == [MORE]
    assert world.log.reads[-1] == before
    world.own.tick()
    world.group.answer("committed", {})
    assert world.never_read == [MORE]
    assert world.log.reads[-1] == before | {MORE: Start(0, world.own.term)}
    assert runner.checkpoint().positions == {IN: 5, MORE: 0}
    world.own.arrived(MORE, 3, [], world.own.term)
    world.own.assigned([IN], {0})
    assert world.log.reads[-1] == before
    assert world.own.progress(MORE) is None
    world.own.assigned([IN, MORE], {0})
    world.group.answer("committed", {MORE: 1})
    assert world.log.reads[-1] == before | {MORE: Start(3, world.own.term)}
    assert world.own.progress(MORE) == 3
    assert not world.guarantees[0].dropped


def test_a_shard_that_comes_back_while_it_is_let_go_of_is_restored() -> None:
    """It has been told to end; nobody else waits for it then."""
    world = _World()
    world.serve_both()
    world.own.assigned([IN], {0, 1})
    world.own.assigned([IN, IN_1], {0, 1})
    assert world.state is State.LETTING_GO
    [_, goes] = world.guarantees
    assert goes.finishing is not None
    goes.finishing()
    assert world.state is State.RESTORING
    assert not world.group.deals
    world.restore(committed={IN_1: 5}, logs=[LOG_1])
    world.group.answer("commit", True)
    assert world.state is State.SERVING


def test_a_shard_that_is_dealt_away_before_it_is_restored() -> None:
    """There is nothing to finish."""
    world = _World()
    world.serve()
    world.own.assigned([IN, IN_1], {0})
    world.own.assigned([IN], {0, 1})
    assert (world.state, world.group.deals) == (State.SERVING, 1)
    world.group.answer("prove", True)
    assert not world.log.writes


def test_a_restoration_goes_on_when_the_group_deals_the_same() -> None:
    """Others joined or left; nothing of this worker's moves."""
    world = _World()
    world.own.assigned([IN], ())
    world.group.answer("prove", True)
    world.own.assigned([IN], {0})
    world.log.written(7)
    assert world.group.answer("committed", {IN: 5}) == [IN]


def test_a_shard_that_does_not_finish_in_time_takes_all_with_it() -> None:
    """What is written cannot be abandoned for one shard alone; the others are restored."""
    world = _World()
    world.serve_both()
    world.own.assigned([IN], {0, 1})
    world.wait(SESSION_S / 2)
    assert all(guarantee.dropped for guarantee in world.guarantees)
    assert (world.state, world.own.held, world.group.deals) == (State.LOST, {0}, 1)
    world.wait(RESTORE_PAUSE_S)
    assert world.state is State.RESTORING


def test_what_was_told_and_is_not_held_any_more_is_dealt_again_at_once() -> None:
    """It was let go of after this worker had joined, so others still wait for it."""
    world = _World()
    world.serve()
    world.own.assigned([IN], {0, 1})
    assert world.group.deals == 1


def test_a_local_copy_of_changelogs_that_were_made_anew_is_forgotten() -> None:
    """It was read further than there is: all is replayed from the beginning."""
    world = _World()
    world.copied = 20
    world.own.assigned([IN], ())
    starts, ends, *_ = world.fence({IN: 5})
    assert (starts, ends) == ({LOG: 0}, {LOG: 8})
