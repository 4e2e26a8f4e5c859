"""Who owns the shards that the group dealt to this worker, and since when. All of it is here.

A worker is in one :class:`State`. What happens to it is called on :class:`Ownership`; what it does
goes through the ports. Each ownership is a *term*; whatever was asked for in an older one is not
heard any more.

=================== ================================= ========== ===================================
in                  happens                           becomes    what is done
=================== ================================= ========== ===================================
JOINING             assigned                          RESTORING  new term; its steps
RESTORING           all steps are done                SERVING    runners begin, records are read
RESTORING           a step failed                     LOST       \\-
RESTORING, FROZEN,  we are no member                  JOINING    drop all, join anew
SERVING
SERVING             the lease ran out                 FROZEN     ask the coordinator
FROZEN              we are a member                   SERVING    write what was held
SERVING, FROZEN     a shard is lost                   LOST       drop all
SERVING             a runner stands still             JOINING    drop all, join anew
SERVING, FROZEN     revoked                           LETTING_GO read no more, finish what is begun
LETTING_GO          all finished, or too late         JOINING    commit what is finished, drop all
JOINING, RESTORING, revoked                           JOINING    drop all
LOST
LOST                a pause is over                   RESTORING  new term; its steps
=================== ================================= ========== ===================================

The steps of RESTORING are in `restoration.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum

from flrouter.core.effects import Send
from flrouter.core.inputs import Input
from flrouter.ports import Clock, Group, Log, Partition, Written
from flrouter.runtime.restoration import Maker, Restoration, Restored
from flrouter.runtime.runner import Runner

#: s; between two commits of what is acknowledged. A kill repeats at most this much more.
COMMIT_INTERVAL_S = 0.1
#: s; before shards that were lost, or not restored, are restored anew.
RESTORE_PAUSE_S = 1.0
#: s; between two looks at where the changelogs end.
LOOK_INTERVAL_S = 60.0
#: of the session timeout: how long a proof of membership lasts.
LEASE = 0.8

log = logging.getLogger(__name__)


class State(Enum):
    """Where this worker stands."""

    #: the group is forming, and deals the shards.
    JOINING = "joining"
    #: the shards that were dealt are fenced and restored.
    RESTORING = "restoring"
    #: records flow.
    SERVING = "serving"
    #: nobody knows whether the shards are still ours: nothing is decided or written.
    FROZEN = "frozen"
    #: the group wants the shards back: what is in hand is finished.
    LETTING_GO = "letting go"
    #: the shards' state was thrown away, and will be restored anew.
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
        self.state = State.JOINING
        #: counts the ownerships.
        self.term = 0
        #: how often shards were lost, or could not be restored.
        self.losses = 0
        #: by their shards' numbers, and by what they read.
        self.runners: dict[int, Runner] = {}
        self._readers: dict[Partition, Runner] = {}
        self._assigned: tuple[Partition, ...] = ()
        self._restoration: Restoration | None = None
        self._exactly_once = False
        #: when (steady s) the last proof of membership was asked for.
        self._proven_at = float("-inf")
        self._proving = False
        #: what is acknowledged and not committed, and since when (steady s) a commit was begun.
        self._news: dict[Partition, int] = {}
        self._committed_at = float("-inf")
        #: what was to be written while nobody knew whether it may be.
        self._held: list[tuple[Sequence[Send], Callable[[Written], None]]] = []
        #: when (steady s) the state that does not last is over.
        self._until = 0.0
        self._finishing: set[int] = set()
        self._looked_at = 0.0

    # -- what the group says ------------------------------------------------------------------

    def assigned(self, partitions: Collection[Partition]) -> None:
        """These are ours from now on."""
        self._end_term(State.RESTORING)
        self._assigned = tuple(partitions)
        self._restore()

    def revoked(self) -> None:
        """All is to be let go of; the group is told when that is done."""
        if self.state is State.LETTING_GO:
            return
        if self.state in (State.SERVING, State.FROZEN) and self.runners:
            self._let_go()
            return
        self._end_term(State.JOINING)
        self._group.released()

    # -- what time says -----------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed."""
        now = self._clock.steady_s()
        if self.state is State.SERVING and not self.may_write:
            self.state = State.FROZEN
            log.warning("no answer from the group coordinator: nothing is written until it answers")
        if self.state is State.LETTING_GO and now >= self._until:
            log.warning(
                "%d shards did not finish in time",
                len(self._finishing),
            )
            self._let_gone()
        elif self.state is State.LOST and now >= self._until:
            self._end_term(State.RESTORING)
            self._restore()
        elif self.state in (State.SERVING, State.FROZEN, State.LETTING_GO):
            self._commit(now)
        if self.state is State.SERVING:
            self._watch(now)

    def _watch(self, now: float) -> None:
        stalled = [runner for runner in self.runners.values() if runner.stalled_s() > self._stall_s]
        if stalled:
            self._leave(f"{stalled[0]} is stuck")
            return
        for runner in list(self.runners.values()):
            runner.run()
        if now - self._looked_at >= LOOK_INTERVAL_S and not self._exactly_once:
            self._looked_at = now
            self._look_at_changelogs()

    @property
    def _stall_s(self) -> float:
        return self._session_s * 6

    # -- reading ------------------------------------------------------------------------------

    def arrived(
        self, partition: Partition, next_offset: int, inputs: Sequence[Input], term: int
    ) -> None:
        """This was read of a partition, up to an offset."""
        if term == self.term:
            self._readers[partition].offer(partition, next_offset, inputs)

    def progress(self, partition: Partition) -> int | None:
        """The next offset to read of a partition, as far as all is durable; None if not ours."""
        runner = self._readers.get(partition)
        return runner.progress.get(partition) if runner is not None else None

    # -- the lease ----------------------------------------------------------------------------

    @property
    def may_write(self) -> bool:
        """Whether nobody else can own the shards now; transactions are fenced by themselves."""
        return (
            self._exactly_once or self._clock.steady_s() < self._proven_at + LEASE * self._session_s
        )

    def _commit(self, now: float) -> None:
        """Commit what is acknowledged; or ask for a proof when there is nothing, in good time."""
        if self._proving:
            return
        if self._news:
            if now - self._committed_at < COMMIT_INTERVAL_S and self.may_write:
                return
        elif self._exactly_once or now < self._proven_at + LEASE * self._session_s / 2:
            return
        self._committed_at = now
        self._proving = True
        news, self._news = self._news, {}
        term = self.term

        def done(answer: bool | None) -> None:
            self._proving = False
            if term != self.term:
                return
            if answer:
                self._proven(now)
            elif answer is None:
                self._news = news | self._news
            elif self.state is State.LETTING_GO:
                self._let_gone()
            elif self.state in (State.SERVING, State.FROZEN):
                self._no_member()

        if news:
            self._group.commit(news, done)
        else:
            self._group.prove(done)

    def _proven(self, asked_at: float) -> None:
        self._proven_at = max(self._proven_at, asked_at)
        if not self.may_write:
            return
        if self.state is State.FROZEN:
            self.state = State.SERVING
        held, self._held = self._held, []
        for sends, done in held:
            self._log.write(sends, done)

    def _write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write for a runner, while the shards are certain to be ours."""
        if self._held or not self.may_write:
            self._held.append((sends, done))
            if self.state is State.SERVING:
                self.state = State.FROZEN
        else:
            self._log.write(sends, done)

    def _acknowledge(self, positions: Mapping[Partition, int]) -> None:
        self._news.update(positions)

    # -- restoring ----------------------------------------------------------------------------

    def _restore(self) -> None:
        self._restoration = Restoration(
            self._group, self._log, self._clock, self._maker, self._assigned
        )
        self._restoration.begin(
            self._in_term(self._serve),
            self._in_term(self._give_up),
            self._in_term(self._no_member),
        )

    def _serve(self, restored: Restored) -> None:
        self.state = State.SERVING
        self._restoration = None
        self._exactly_once = bool(restored.transactions)
        self._proven_at = restored.proven_at
        self._looked_at = self._clock.steady_s()
        for owner, share in restored.shares.items():
            guarantee = self._maker.guarantee(
                self._write, self._acknowledge, restored.transactions.get(owner)
            )
            positions = {at: restored.positions[at] for at in share.partitions}
            runner = self._maker.runner(owner, share, guarantee, positions)
            self.runners[owner] = runner
            self._readers.update(dict.fromkeys(share.partitions, runner))
        self._log.read(restored.positions, self.term)
        self._maker.began()

    def _give_up(self, why: str) -> None:
        """Restore anew, after a while."""
        log.warning("all shards lost: %s", why)
        self.losses += 1
        if self._news:
            # It is durable, so it need not be done again; the group refuses it if it is not ours.
            self._group.commit(dict(self._news), lambda _: None)
        self._end_term(State.LOST)
        self._until = self._clock.steady_s() + RESTORE_PAUSE_S

    # -- losing and letting go ----------------------------------------------------------------

    def lost(self, why: str) -> None:
        """A shard's state is ahead of what is durable, or another worker's."""
        if self.state is State.LETTING_GO:
            self._let_gone()
        elif self.state in (State.SERVING, State.FROZEN):
            self._give_up(why)

    def _no_member(self) -> None:
        self._leave("Kafka does not count this worker as a member any more")

    def _leave(self, why: str) -> None:
        """We are no member any more, or should not be."""
        log.warning("rejoining the group: %s", why)
        self.losses += 1
        self._end_term(State.JOINING)
        self._group.rejoin()

    def _let_go(self) -> None:
        self.state = State.LETTING_GO
        self._until = self._clock.steady_s() + self._session_s / 2
        self._log.read({}, self.term)
        self._finishing = set(self.runners)
        for owner, runner in list(self.runners.items()):
            runner.finish(self._in_term(lambda owner=owner: self._finished(owner)))

    def _finished(self, owner: int) -> None:
        self._finishing.discard(owner)
        if not self._finishing and self.state is State.LETTING_GO:
            self._let_gone()

    def _let_gone(self) -> None:
        """Commit what is finished, and own nothing."""
        news = dict(self._news)
        self._end_term(State.JOINING)
        if news:
            self._group.commit(news, lambda _: self._group.released())
        else:
            self._group.released()

    def _end_term(self, state: State) -> None:
        """Throw all away; nothing that was asked for is heard any more."""
        reading = bool(self.runners)
        self.term += 1
        self.state = state
        for runner in self.runners.values():
            runner.drop()
        self.runners.clear()
        self._readers.clear()
        if self._restoration is not None:
            self._restoration.drop()
            self._restoration = None
        self._news.clear()
        self._held.clear()
        self._finishing.clear()
        self._proven_at = float("-inf")
        if reading:
            self._log.read({}, self.term)
        self._log.abandon()

    def _in_term(self, heard: Callable[..., None]) -> Callable[..., None]:
        """Hear of something in this term only."""
        term = self.term

        def hear(*what: object) -> None:
            if term == self.term:
                heard(*what)

        return hear

    # -- looking ------------------------------------------------------------------------------

    def _look_at_changelogs(self) -> None:
        """See whether they end where this worker's rows do."""
        changelogs = {
            changelog.partition: (runner, changelog, changelog.position)
            for runner in self.runners.values()
            for changelog in runner.changelogs
        }

        def looked(ends: Mapping[Partition, int] | None) -> None:
            for at, end in (ends or {}).items():
                runner, changelog, position = changelogs[at]
                if changelog.position == position:
                    runner.ended(changelog, end)

        if changelogs:
            self._log.ends(list(changelogs), self._in_term(looked))
