"""Taking over: from the partitions that the group dealt to shards that are restored.

Each step begins when the one before it is done. Membership is proven first, as who is no member
must not fence those who are; and last again, as the group may have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from flrouter.core.values.effects import Send
from flrouter.ports import Clock, Group, Log, Partition, Row, Transaction, Written
from flrouter.runtime.durability.changelog import Changelog
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Guarantee
from flrouter.runtime.ownership.runner import Core, Runner


class Share(NamedTuple):
    """What one owner is made of, before it runs."""

    core: Core
    #: takes (table, key, value or None) of a row that was replayed.
    apply: Callable[[str, bytes, bytes | None], None]
    #: of its tables; each says from where it is to be replayed.
    changelogs: Sequence[Changelog]
    #: what it reads.
    partitions: Sequence[Partition]
    #: forgets what it was made of: that is of other changelogs than these.
    start_over: Callable[[], None]


class Maker(Protocol):
    """Makes what ownership owns."""

    def dealt(self, assigned: Collection[Partition]) -> Mapping[int, Collection[Partition]]:
        """Which shards these partitions are, and which of them each reads."""

    def shares(self, dealt: Mapping[int, Collection[Partition]]) -> Mapping[int, Share]:
        """What these shards are made of."""

    def guarantee(
        self,
        write: Callable[[Sequence[Send], Callable[[Written], None]], None],
        acknowledge: Callable[[Mapping[Partition, int]], None],
        transaction: Transaction | None,
    ) -> Guarantee:
        """How the work of one owner is made durable."""

    def runner(
        self,
        number: int,
        share: Share,
        guarantee: Guarantee,
        positions: Mapping[Partition, int],
    ) -> Runner:
        """Set a shard to work."""

    def transaction_name(self, number: int) -> str | None:
        """Under which name it writes; None when it writes at least once."""

    def begins(self, partitions: Collection[Partition]) -> None:
        """Nothing of these was ever committed: they are read from their beginnings."""

    def began(self, numbers: Collection[int]) -> None:
        """These shards serve from now on; none when the group has dealt and changed nothing."""

    def left(self, numbers: Collection[int]) -> None:
        """These are worked on no more: others may open their local copies."""

    def refused(self, why: str) -> None:
        """The shards cannot be restored, and trying again changes nothing: people are needed."""

    def outdated(self, why: NewerFormat) -> None:
        """A later release wrote what this one cannot read: another worker has to restore them."""


class Restored(NamedTuple):
    """What ownership begins with."""

    shares: Mapping[int, Share]
    transactions: Mapping[int, Transaction]
    #: where each partition is read on.
    positions: Mapping[Partition, int]
    #: when (steady s) the last proof of membership was asked for.
    proven_at: float


class Restoration:
    """One attempt to take shards over."""

    def __init__(
        self,
        group: Group,
        log: Log,
        clock: Clock,
        maker: Maker,
        dealt: Mapping[int, Collection[Partition]],
    ) -> None:
        """Args:
        group: has dealt them.
        log: where their state is.
        clock: the time.
        maker: what they are made of.
        dealt: the shards, and what each is to read.
        """
        self._group = group
        self._log = log
        self._clock = clock
        self._maker = maker
        self._dealt = dealt
        #: the shards that are restored.
        self.numbers = dealt.keys()
        self._assigned: list[Partition] = []
        self._shares: Mapping[int, Share] = {}
        self._transactions: dict[int, Transaction] = {}
        self._positions: dict[Partition, int] = {}
        self._exactly_once = False
        self._dropped = False

    def begin(
        self,
        done: Callable[[Restored], None],
        failed: Callable[[str], None],
        no_member: Callable[[], None],
    ) -> None:
        """Take them over; one of these is called in the end, if it is not dropped before.

        Args:
            done: they are restored.
            failed: they are not, and why; it may be tried again.
            no_member: they are not ours.
        """
        self._done, self._fail, self._no_member = done, failed, no_member
        self._group.prove(self._while_wanted(self._member))

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._dropped = True
        for transaction in self._transactions.values():
            transaction.close()

    def _while_wanted(self, heard: Callable[..., None]) -> Callable[..., None]:
        def hear(*answer: object) -> None:
            if not self._dropped:
                heard(*answer)

        return hear

    def _not_a_member(self, answer: bool | None) -> None:
        if answer is None:
            self._fail("the coordinator does not answer")
        else:
            self._no_member()

    def _member(self, answer: bool | None) -> None:
        """Step 1: who is no member must not fence those who are."""
        if not answer:
            self._not_a_member(answer)
            return
        self._shares = self._maker.shares(self._dealt)
        self._assigned = [at for share in self._shares.values() for at in share.partitions]
        names = {owner: self._maker.transaction_name(owner) for owner in self._shares}
        self._exactly_once = any(name is not None for name in names.values())
        for owner, name in names.items():
            if name is not None:
                self._transactions[owner] = self._log.transaction(name, self._group.prove)
        if not self._transactions:
            self._fence()
            return
        waiting = set(self._transactions)

        def opened(owner: int) -> Callable[[str | None], None]:
            def done(why: str | None) -> None:
                waiting.discard(owner)
                if why is not None:
                    self._fail(why)
                elif not waiting:
                    self._fence()

            return self._while_wanted(done)

        for owner, transaction in list(self._transactions.items()):
            transaction.open(opened(owner))

    def _fence(self) -> None:
        """Step 3: from here on rows of former owners are foreign."""
        changelogs = {
            changelog.partition: changelog
            for share in self._shares.values()
            for changelog in share.changelogs
        }
        waiting = 0

        def fenced(outcome: Written | str) -> None:
            nonlocal waiting
            waiting -= 1
            if isinstance(outcome, str):
                self._fail(outcome)
                return
            if outcome.refused:
                self._fail(f"a fence is refused: {outcome.refused[0].why}")
                return
            for partition, span in outcome.spans.items():
                changelogs[partition].fenced(span)
            if not waiting:
                self._ask_committed()

        heard = self._while_wanted(fenced)
        if self._exactly_once:
            fences = {
                owner: [changelog.a_fence() for changelog in share.changelogs]
                for owner, share in self._shares.items()
                if share.changelogs
            }
            waiting = len(fences)
            for owner, sends in fences.items():
                self._transactions[owner].commit(sends, {}, heard)
        else:
            sends = [changelog.a_fence() for changelog in changelogs.values()]
            waiting = 1 if sends else 0
            if sends:
                self._log.write(sends, heard)
        if not waiting:
            self._ask_committed()

    def _ask_committed(self) -> None:
        """Step 4: an owner that is fenced commits nothing more."""
        self._group.committed(self._assigned, self._while_wanted(self._committed))

    def _committed(self, positions: Mapping[Partition, int] | None) -> None:
        """Step 5: what lies before the fence is the shards' state."""
        if positions is None:
            self._fail("the committed offsets cannot be read")
            return
        self._positions = {at: positions.get(at, 0) for at in self._assigned}
        self._maker.begins([at for at in self._assigned if at not in positions])
        starts: dict[Partition, int] = {}
        ends: dict[Partition, int] = {}
        into: dict[Partition, tuple[Changelog, Share]] = {}
        for share in self._shares.values():
            if any(changelog.position > changelog.epoch for changelog in share.changelogs):
                # It was read further than there is: its topics were deleted and made again.
                share.start_over()
                for changelog in share.changelogs:
                    changelog.start_over()
            for changelog in share.changelogs:
                at = changelog.partition
                starts[at] = changelog.position
                ends[at] = changelog.epoch + 1
                into[at] = (changelog, share)
        unknown: list[NewerFormat] = []

        def take(at: Partition, rows: Sequence[Row]) -> None:
            changelog, share = into[at]
            try:
                if not unknown:
                    changelog.replay(rows, share.apply)
            except NewerFormat as error:
                unknown.append(error)

        def done(complete: bool) -> None:
            if unknown:
                self._maker.outdated(unknown[0])
            elif not complete:
                self._fail("the changelogs were not read to their ends")
            elif (why := self._unreadable() or self._expired(positions)) is not None:
                self._maker.refused(why)
            else:
                for at, (changelog, _) in into.items():
                    changelog.reached(ends[at])
                self._replayed()
                return
            self._fail("the shards are not restored")

        self._log.replay(starts, ends, self._while_wanted(take), self._while_wanted(done))

    def _unreadable(self) -> str | None:
        """What to do about a row that no release wrote: who guesses at it may lose a request."""
        changelogs = (
            changelog for share in self._shares.values() for changelog in share.changelogs
        )
        return next(
            (why for changelog in changelogs for why in changelog.unreadable.values()), None
        )

    def _expired(self, positions: Mapping[Partition, int]) -> str | None:
        """Whether the group forgot how far it had read: all would be done once more."""
        for owner, share in self._shares.items():
            has_rows = any(changelog.count or changelog.copied for changelog in share.changelogs)
            if has_rows and not any(at in positions for at in share.partitions):
                return (
                    f"shard {owner} has a state, but its group has no committed offset any more:"
                    " set where reading begins with kafka-consumer-groups --reset-offsets"
                )
        return None

    def _replayed(self) -> None:
        """Step 6: the group must not have changed since step 1."""
        asked_at = self._clock.steady_s()

        def done(answer: bool | None) -> None:
            if answer:
                self._done(Restored(self._shares, self._transactions, self._positions, asked_at))
                self._transactions = {}
            else:
                self._not_a_member(answer)

        if self._exactly_once or not self._positions:
            self._group.prove(self._while_wanted(done))
        else:
            self._group.commit(self._positions, self._while_wanted(done))
