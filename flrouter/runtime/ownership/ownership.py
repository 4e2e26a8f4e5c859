"""Who owns the shards that the group dealt to this worker, and since when. All of it is here.

A shard that is dealt to this worker is in one :class:`State`. What happens is called on
:class:`Ownership`; what it does goes through the ports. While the group deals anew all shards go
on: this worker tells the group which it holds, and none of them is dealt to another one before
this worker has let go of it.

================ ================================= ========== ====================================
a shard is       and then                          becomes    what is done
================ ================================= ========== ====================================
not ours         it is dealt to us                 RESTORING  the steps in `restoration.py`
RESTORING        all steps are done                SERVING    a runner begins, records are read
RESTORING        a step failed                     LOST       \\-
LOST             a pause is over                   RESTORING  the steps, from the first
SERVING          it is dealt to us again           SERVING    partitions that are new are read too
RESTORING, LOST  it is dealt to us again           the same   \\-
SERVING          it is not dealt to us any more    LETTING_GO read no more, finish what is begun
RESTORING, LOST  it is not dealt to us any more    not ours   drop it; ask the group to deal anew
LETTING_GO       all is finished and committed     not ours   ask the group to deal anew
SERVING          the lease ran out                 FROZEN     ask the coordinator (`lease.py`)
FROZEN           we are a member                   SERVING    write what was held
================ ================================= ========== ====================================

These happen to all shards of a worker together, as they share what is written and read:

================================================== ========== ====================================
a shard is lost, or is let go of for too long      LOST       drop all; not ours what was let go of
we are no member; a runner stands still            not ours   drop all, join anew
we leave, or the group has workers of 0.1.0        LETTING_GO then tell the group
================================================== ========== ====================================
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from functools import partial

from flrouter.core.values.inputs import Input
from flrouter.ports import Clock, Group, Log, Partition, Start
from flrouter.runtime.ownership.lease import Lease
from flrouter.runtime.ownership.restoration import Maker, Restoration, Restored
from flrouter.runtime.ownership.runner import Runner

#: s; before shards that were lost, or not restored, are restored anew.
RESTORE_PAUSE_S = 0.25
#: s; between two looks at where the changelogs end.
LOOK_INTERVAL_S = 60.0
#: s; between two calls of `tick`.
TICK_S = 0.05

log = logging.getLogger(__name__)


class State(Enum):
    """Where a shard stands; and a worker, where that of its shards stands that serves least."""

    #: nothing is dealt to this worker.
    JOINING = "joining"
    #: it is fenced and restored.
    RESTORING = "restoring"
    #: records flow.
    SERVING = "serving"
    #: nobody knows whether it is still ours: nothing is decided or written.
    FROZEN = "frozen"
    #: it goes to another worker: what is in hand is finished.
    LETTING_GO = "letting go"
    #: its state was thrown away, and will be restored anew.
    LOST = "lost"


class Ownership:
    """The shards of this worker."""

    def __init__(
        self, group: Group, log: Log, clock: Clock, maker: Maker, session_timeout_s: float
    ) -> None:
        """Args:
        group: deals the shards.
        log: what they read and write.
        clock: the time.
        maker: what they are made of.
        session_timeout_s: after which the group takes a silent worker's shards away.
        """
        self._group = group
        self._log = log
        self._clock = clock
        self._maker = maker
        self._session_s = session_timeout_s
        self._exactly_once = maker.transaction_name(0) is not None
        #: counts how often shards came or went; what is read is tagged with it.
        self.term = 0
        #: how often shards were lost, or could not be restored.
        self.losses = 0
        #: by their shards' numbers: those that serve, and those that are let go of.
        self.runners: dict[int, Runner] = {}
        self._letting_go: set[int] = set()
        #: when (steady s) it takes them too long.
        self._let_go_until = 0.0
        #: what the group dealt last: the partitions of each shard; None when we are to own nothing.
        self._dealt: Mapping[int, Collection[Partition]] | None = None
        #: shards that the group will deal to others once they are let go of.
        self._owed: frozenset[int] = frozenset()
        #: somebody waits until all is let go of.
        self._awaited = False
        self._restoration: Restoration | None = None
        #: when (steady s) that may be tried again.
        self._restore_at = float("-inf")
        #: what is read, from where, and by whom.
        self._starts: dict[Partition, Start] = {}
        self._readers: dict[Partition, Runner] = {}
        #: partitions of which it was asked where they are to be read.
        self._asked: frozenset[Partition] = frozenset()
        self._lease = self._new_lease()
        self._looked_at = 0.0

    def _new_lease(self) -> Lease:
        return Lease(
            self._group,
            self._log,
            self._clock,
            self._session_s,
            self._no_member,
            needed=not self._exactly_once,
        )

    # -- what the group says ------------------------------------------------------------------

    @property
    def held(self) -> frozenset[int]:
        """The shards that nobody else may have before this worker has let go of them."""
        return frozenset(self.runners) | frozenset(self._dealt or ())

    def assigned(self, partitions: Collection[Partition], told: Collection[int]) -> None:
        """These are ours from now on.

        Args:
            partitions: all of them.
            told: what we told the group to hold when it dealt; nothing when we had not been a
                member all the time.
        """
        if not self.held.issubset(told):
            self._drop_all()  # others may have had them meanwhile
        dealt = self._dealt = self._maker.dealt(partitions)
        self._owed = frozenset(told) - dealt.keys()
        if self._restoration is not None and not self._restoration.numbers <= dealt.keys():
            self._drop_restoration()
        self._let_go(self.runners.keys() - dealt.keys())
        self._adjust()
        self._restore()
        if not self._missing:
            self._maker.began(())
        self._tell_group()

    def revoked(self) -> None:
        """All is to be let go of; the group is told when that is done."""
        self._awaited = True
        self._dealt, self._owed = None, frozenset()
        self._drop_restoration()
        self._let_go(self.runners.keys())
        self._tell_group()

    def evicted(self) -> None:
        """We are no member any more, and are about to join anew."""
        if self.held:
            log.warning("all shards lost: Kafka does not count this worker as a member any more")
            self.losses += 1
        self._dealt, self._owed = None, frozenset()
        self._drop_all()
        self._tell_group()

    # -- what time says -----------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed."""
        now = self._clock.steady_s()
        if self._letting_go and now >= self._let_go_until:
            self._give_up(f"{len(self._letting_go)} did not finish in time")
        if self.runners:
            self._lease.tick()
        self._restore()
        self._adjust()
        if self.runners and not self._lease.frozen:
            self._watch(now)

    def _watch(self, now: float) -> None:
        serving = [runner for _, runner in self._serving()]
        stalled = [runner for runner in serving if runner.stalled_s() > self._stall_s]
        if stalled:
            self._leave(f"{stalled[0]} is stuck")
            return
        for runner in serving:
            runner.run()
        if now - self._looked_at >= LOOK_INTERVAL_S and not self._exactly_once:
            self._looked_at = now
            self._look_at_changelogs()

    @property
    def _stall_s(self) -> float:
        return self._session_s * 6

    # -- what it looks like -------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where this worker stands."""
        if self._letting_go:
            return State.LETTING_GO
        if self._dealt is None:
            return State.JOINING
        if self._restoration is not None:
            return State.RESTORING
        if self._missing:
            return State.LOST
        return State.FROZEN if self._lease.frozen else State.SERVING

    @property
    def serves(self) -> bool:
        """Whether records flow to some of the shards that were dealt to us, or none were dealt."""
        return self._dealt is not None and (not self._missing or any(self._serving()))

    @property
    def is_restoring(self) -> bool:
        """Whether shards are restored now."""
        return self._restoration is not None

    @property
    def may_write(self) -> bool:
        """Whether nobody else can own the shards now; transactions are fenced by themselves."""
        return self._lease.may_write

    @property
    def _missing(self) -> dict[int, Collection[Partition]]:
        return {
            number: partitions
            for number, partitions in (self._dealt or {}).items()
            if number not in self.runners
        }

    def _serving(self) -> list[tuple[int, Runner]]:
        return [each for each in self.runners.items() if each[0] not in self._letting_go]

    # -- reading ------------------------------------------------------------------------------

    def arrived(
        self, partition: Partition, next_offset: int, inputs: Sequence[Input], term: int
    ) -> None:
        """This was read of a partition, up to an offset."""
        if self.reads(partition, term):
            self._readers[partition].offer(partition, next_offset, inputs)

    def reads(self, partition: Partition, term: int) -> bool:
        """Whether what was read of it under that term counts still."""
        start = self._starts.get(partition)
        return start is not None and start.term == term

    def progress(self, partition: Partition) -> int | None:
        """The next offset to read of a partition, as far as all is durable; None if not ours."""
        runner = self._readers.get(partition)
        return runner.progress.get(partition) if runner is not None else None

    def _read(self, runner: Runner, positions: Mapping[Partition, int]) -> None:
        for at, offset in positions.items():
            self._starts[at] = Start(offset, self.term)
            self._readers[at] = runner

    def _read_no_more(self, partitions: Collection[Partition]) -> None:
        for at in partitions:
            self._starts.pop(at, None)
            self._readers.pop(at, None)

    def _adjust(self) -> None:
        """Let shards that serve read what was dealt to them, and no more of what was not."""
        dealt, new, changed = self._dealt or {}, set[Partition](), False
        for number, runner in self._serving():
            wanted, read = set(dealt[number]), set(runner.progress)
            if wanted == read:
                continue
            new |= wanted - read
            for at in read - wanted:
                runner.read_no_more(at)
            self._read_no_more(read - wanted)
            changed |= bool(read - wanted)
        if changed:
            self._log.read(self._starts)
        if new - self._asked:
            self._asked = asked = frozenset(new)
            self._group.committed(asked, partial(self._adjusted, asked))

    def _adjusted(
        self, asked: frozenset[Partition], positions: Mapping[Partition, int] | None
    ) -> None:
        if asked is not self._asked:
            return
        self._asked = frozenset()
        if positions is None:
            return  # the next tick asks again
        self._maker.begins([at for at in asked if at not in positions])
        self.term += 1
        for number, runner in self._serving():
            new = (asked & set((self._dealt or {})[number])) - runner.progress.keys()
            self._read(runner, runner.read_too({at: positions.get(at, 0) for at in new}))
        self._log.read(self._starts)

    # -- restoring ----------------------------------------------------------------------------

    def _restore(self) -> None:
        missing = self._missing
        if not missing or self._restoration is not None:
            return
        if self._clock.steady_s() >= self._restore_at:
            self._restoration = Restoration(
                self._group, self._log, self._clock, self._maker, missing
            )
            self._restoration.begin(self._serve, self._not_restored, self._no_member)

    def _serve(self, restored: Restored) -> None:
        self._restoration = None
        self.term += 1
        self._lease.proven(restored.proven_at)
        self._looked_at = self._clock.steady_s()
        for number, share in restored.shares.items():
            guarantee = self._maker.guarantee(
                self._lease.write, self._lease.acknowledge, restored.transactions.get(number)
            )
            positions = {at: restored.positions[at] for at in share.partitions}
            runner = self._maker.runner(number, share, guarantee, positions)
            self.runners[number] = runner
            self._read(runner, positions)
        self._log.read(self._starts)
        self._adjust()
        self._maker.began(restored.shares.keys())
        self._restore()

    def _not_restored(self, why: str) -> None:
        """Restore them anew, after a while."""
        log.warning("shards not restored: %s", why)
        self.losses += 1
        self._drop_restoration()
        self._restore_at = self._clock.steady_s() + RESTORE_PAUSE_S

    def _drop_restoration(self) -> None:
        if self._restoration is not None:
            self._restoration.drop()
            self._maker.left(self._restoration.numbers)
            self._restoration = None

    # -- losing and letting go ----------------------------------------------------------------

    def lost(self, why: str) -> None:
        """A shard's state is ahead of what is durable, or another worker's."""
        if self.runners:
            self._give_up(why)

    def _give_up(self, why: str) -> None:
        """Throw all away, and restore after a while what is to be ours."""
        log.warning("all shards lost: %s", why)
        self.losses += 1
        self._drop_all(commit=True)
        self._restore_at = self._clock.steady_s() + RESTORE_PAUSE_S
        self._tell_group()

    def _no_member(self) -> None:
        self._leave("Kafka does not count this worker as a member any more")

    def _leave(self, why: str) -> None:
        """We are no member any more, or should not be."""
        log.warning("rejoining the group: %s", why)
        self.losses += 1
        self._dealt, self._owed = None, frozenset()
        self._drop_all()
        if self._awaited:
            self._tell_group()
        else:
            self._group.rejoin()

    def _let_go(self, numbers: Collection[int]) -> None:
        """Read no more for these shards, and own them no more when they have finished."""
        begin = {
            number: self.runners[number] for number in numbers if number not in self._letting_go
        }
        if not begin:
            return
        if not self._letting_go:
            self._let_go_until = self._clock.steady_s() + self._session_s / 2
        self._letting_go.update(begin)
        for runner in begin.values():
            self._read_no_more(runner.progress)
        self._log.read(self._starts)
        for number, runner in begin.items():
            runner.finish(partial(self._finished, number, runner))

    def _finished(self, number: int, runner: Runner) -> None:
        """All of it is durable: commit that."""
        if self.runners.get(number) is runner:
            self._lease.settle(set(runner.progress), partial(self._gone, number, runner))

    def _gone(self, number: int, runner: Runner) -> None:
        """Somebody else may have it."""
        if self.runners.get(number) is not runner:
            return
        self._letting_go.discard(number)
        self._end([number])
        self._restore()
        self._tell_group()

    def _tell_group(self) -> None:
        """Tell that what was to be let go of is let go of."""
        if self._awaited and not self.runners:
            self._awaited = False
            self._group.released()
        if self._owed and self._owed.isdisjoint(self.held):
            self._owed = frozenset()
            self._group.deal_again()

    def _end(self, numbers: Collection[int]) -> None:
        self.term += 1
        for number in numbers:
            self.runners.pop(number).drop()
        self._maker.left(numbers)

    def _drop_all(self, *, commit: bool = False) -> None:
        """Throw all away; nothing that was asked for is heard any more."""
        self._lease.drop(commit=commit)
        self._lease = self._new_lease()
        self._end(list(self.runners))
        self._drop_restoration()
        self._letting_go.clear()
        self._asked = frozenset()
        self._readers.clear()
        if self._starts:
            self._starts.clear()
            self._log.read({})
        self._log.abandon()

    # -- looking ------------------------------------------------------------------------------

    def _look_at_changelogs(self) -> None:
        """See whether they end where this worker's rows do."""
        changelogs = {
            changelog.partition: (number, runner, changelog, changelog.position)
            for number, runner in self._serving()
            for changelog in runner.changelogs
        }

        def looked(ends: Mapping[Partition, int] | None) -> None:
            for at, end in (ends or {}).items():
                number, runner, changelog, position = changelogs[at]
                if self.runners.get(number) is runner and changelog.position == position:
                    runner.ended(changelog, end)

        if changelogs:
            self._log.ends(list(changelogs), looked)
