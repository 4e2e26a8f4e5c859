"""Who owns the shards that the group dealt to this worker, and since when. All of it is here.

What happens is called on :class:`Ownership`; what it does goes through the ports. While the group
deals anew all shards go on: this worker tells the group which it holds, and none of them is dealt
to another one before this worker has let go of it.

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
from functools import partial

from flrouter.core.values.inputs import Input
from flrouter.ports import Clock, Group, Log, Offsets, Partition, Start
from flrouter.runtime.ownership.lease import Lease
from flrouter.runtime.ownership.restoration import Maker, Restoration
from flrouter.runtime.ownership.runner import Runner

#: before shards that were lost, or not restored, are restored anew.
RESTORE_PAUSE_S = 0.25
#: between two looks at where the changelogs end.
LOOK_INTERVAL_S = 60.0
#: between two calls of `tick`.
TICK_S = 0.05
#: in session timeouts: a shard with work that makes nothing durable for so long is stuck.
STALL_TIMEOUTS = 6

log = logging.getLogger(__name__)


class Ownership:
    """The shards of this worker."""

    def __init__(
        self, group: Group, log: Log, clock: Clock, maker: Maker, session_timeout_s: float
    ) -> None:
        """The group takes a silent worker's shards away after `session_timeout_s`."""
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
        #: when (steady s) letting go takes too long.
        self._let_go_until = 0.0
        #: the partitions of each shard that the group dealt last; None: this worker owns nothing.
        self._dealt: Mapping[int, Collection[Partition]] | None = None
        #: shards that the group will deal to others once they are let go of.
        self._owed: frozenset[int] = frozenset()
        #: the group waits until all is let go of.
        self._awaited = False
        self._restoration: Restoration | None = None
        #: when (steady s) a restoration may be tried again.
        self._restore_at = float("-inf")
        #: what is read, from where, and by whom.
        self._starts: dict[Partition, Start] = {}
        self._readers: dict[Partition, Runner] = {}
        #: partitions whose committed offsets were asked for.
        self._asked: frozenset[Partition] = frozenset()
        self._lease = self._new_lease()
        self._looked_at = 0.0

    def _new_lease(self) -> Lease:
        needed = not self._exactly_once
        return Lease(self._group, self._log, self._clock, self._session_s, self._no_member, needed)

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
        if self._restoration is not None and not self._restoration.dealt.keys() <= dealt.keys():
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
            self.lost(f"{len(self._letting_go)} did not finish in time")
        if self.runners:
            self._lease.tick()
        self._restore()
        self._adjust()
        if self.runners and not self._lease.frozen:
            self._watch(now)

    def _watch(self, now: float) -> None:
        for runner in self._serving():
            if runner.stalled_s() > STALL_TIMEOUTS * self._session_s:
                self._leave(f"{runner} is stuck")
                return
        for runner in self._serving():
            runner.run()
        if now - self._looked_at >= LOOK_INTERVAL_S and not self._exactly_once:
            self._looked_at = now
            self._look_at_changelogs()

    # -- what it looks like -------------------------------------------------------------------

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
        dealt = (self._dealt or {}).items()
        return {number: own for number, own in dealt if number not in self.runners}

    def _serving(self) -> list[Runner]:
        return [run for number, run in self.runners.items() if number not in self._letting_go]

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

    def _read(self, runner: Runner, positions: Offsets) -> None:
        for at, offset in positions.items():
            self._starts[at] = Start(offset, self.term)
            self._readers[at] = runner

    def _read_no_more(self, partitions: Collection[Partition]) -> None:
        for at in partitions:
            self._starts.pop(at, None)
            self._readers.pop(at, None)

    def _adjust(self) -> None:
        """Let shards that serve read what was dealt to them, and no more of what was not."""
        new, gone = set[Partition](), set[Partition]()
        for runner in self._serving():
            wanted, read = set((self._dealt or {})[runner.number]), set(runner.progress)
            new |= wanted - read
            gone |= read - wanted
            for at in read - wanted:
                runner.read_no_more(at)
        if gone:
            self._read_no_more(gone)
            self._log.read(self._starts)
        if new - self._asked:
            self._asked = asked = frozenset(new)
            self._group.committed(asked, partial(self._adjusted, asked))

    def _adjusted(self, asked: frozenset[Partition], positions: Offsets | None) -> None:
        if asked is not self._asked:
            return
        self._asked = frozenset()
        if positions is None:
            return  # the next tick asks again
        self._maker.begins([at for at in asked if at not in positions])
        self.term += 1
        for runner in self._serving():
            new = (asked & set((self._dealt or {})[runner.number])) - runner.progress.keys()
            self._read(runner, runner.read_too({at: positions.get(at, 0) for at in new}))
        self._log.read(self._starts)

    # -- restoring ----------------------------------------------------------------------------

    def _restore(self) -> None:
        missing, now = self._missing, self._clock.steady_s()
        if missing and self._restoration is None and now >= self._restore_at:
            self._restoration = Restoration(
                self._group, self._log, self._clock, self._maker, missing
            )
            self._restoration.begin(self._serve, self._not_restored, self._no_member)

    def _serve(self, restored: Restoration) -> None:
        self._restoration = None
        self.term += 1
        self._lease.proven(restored.proven_at)
        self._looked_at = self._clock.steady_s()
        for number, share in restored.shares.items():
            lease, transaction = self._lease, restored.transactions.get(number)
            guarantee = self._maker.guarantee(lease.write, lease.acknowledge, transaction)
            positions = {at: restored.positions[at] for at in share.partitions}
            self.runners[number] = self._maker.runner(number, share, guarantee, positions)
            self._read(self.runners[number], positions)
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
            self._maker.left(self._restoration.dealt)
            self._restoration = None

    # -- losing and letting go ----------------------------------------------------------------

    def lost(self, why: str) -> None:
        """A shard's state is ahead of what is durable, or another worker's: throw all away.

        What is to be ours is restored after a while.
        """
        if not self.runners:
            return
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
        begin = [runner for runner in self._serving() if runner.number in numbers]
        if not begin:
            return
        if not self._letting_go:
            self._let_go_until = self._clock.steady_s() + self._session_s / 2
        for runner in begin:
            self._letting_go.add(runner.number)
            self._read_no_more(runner.progress)
        self._log.read(self._starts)
        for runner in begin:
            runner.finish(partial(self._finished, runner))

    def _is_ours(self, runner: Runner) -> bool:
        return self.runners.get(runner.number) is runner

    def _finished(self, runner: Runner) -> None:
        """All of it is durable: commit that."""
        if self._is_ours(runner):
            self._lease.settle(set(runner.progress), partial(self._gone, runner))

    def _gone(self, runner: Runner) -> None:
        """Another worker may have the shard."""
        if self._is_ours(runner):
            self._letting_go.discard(runner.number)
            self._end([runner.number])
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
            changelog.partition: (runner, changelog, changelog.position)
            for runner in self._serving()
            for changelog in runner.changelogs
        }

        def looked(ends: Offsets | None) -> None:
            for at, end in (ends or {}).items():
                runner, changelog, position = changelogs[at]
                if self._is_ours(runner) and changelog.position == position:
                    runner.ended(changelog, end)

        if changelogs:
            self._log.ends(list(changelogs), looked)
