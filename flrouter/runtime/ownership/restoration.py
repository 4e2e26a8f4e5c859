"""Taking over: from the partitions that the group dealt to shards that are restored.

Each step begins when the one before it is done. Membership is proven first, as who is no member
must not fence those who are; and last again, as the group may have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flrouter.ports import (
    Clock,
    Group,
    Log,
    Offsets,
    Partition,
    Record,
    Transaction,
    Write,
    Written,
)
from flrouter.runtime.durability.changelog import SEAL_TABLE, Changelog, a_seal
from flrouter.runtime.durability.formats import NewerFormat
from flrouter.runtime.durability.guarantee import Guarantee
from flrouter.runtime.ownership.runner import Runner, Share


class Maker(Protocol):
    """Makes what ownership owns."""

    def dealt(self, assigned: Collection[Partition]) -> Mapping[int, Collection[Partition]]:
        """Which shards these partitions are, and which of them each reads."""

    def shares(self, dealt: Mapping[int, Collection[Partition]]) -> Mapping[int, Share]:
        """What these shards are made of."""

    def guarantee(
        self, write: Write, acknowledge: Callable[[Offsets], None], transaction: Transaction | None
    ) -> Guarantee:
        """How the work of one owner is made durable."""

    def runner(self, number: int, share: Share, guarantee: Guarantee, positions: Offsets) -> Runner:
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


@dataclass(eq=False)
class Restoration:
    """One attempt to take shards over."""

    _group: Group
    _log: Log
    _clock: Clock
    _maker: Maker
    #: the shards that are restored, and what each is to read.
    dealt: Mapping[int, Collection[Partition]]
    shares: Mapping[int, Share] = field(default_factory=dict)
    _changelogs: dict[Partition, tuple[Changelog, Share]] = field(default_factory=dict)
    #: the next offset to read of each of their partitions.
    positions: dict[Partition, int] = field(default_factory=dict)
    #: by shard; empty with at least once.
    transactions: dict[int, Transaction] = field(default_factory=dict)
    #: when (steady s) the last proof of membership was asked for.
    proven_at: float = 0.0
    _dropped: bool = False

    def begin(
        self,
        done: Callable[[Restoration], None],
        failed: Callable[[str], None],
        no_member: Callable[[], None],
    ) -> None:
        """Take the shards over. In the end one of these is called, unless it is dropped before.

        Args:
            done: the shards are restored.
            failed: they are not, and why; a retry may help.
            no_member: this worker is no member of the group.
        """
        self._done, self._fail, self._no_member = done, failed, no_member
        self._group.prove(self._while_wanted(self._member))

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._dropped = True
        for transaction in self.transactions.values():
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
        self.shares = self._maker.shares(self.dealt)
        for owner, share in self.shares.items():
            for changelog in share.changelogs:
                self._changelogs[changelog.partition] = (changelog, share)
            name = self._maker.transaction_name(owner)
            if name is not None:
                self.transactions[owner] = self._log.transaction(name, self._group.prove)
        self._open()

    def _open(self) -> None:
        """Step 2: whoever had the transactions' names has them no more."""
        left = len(self.transactions)

        def opened(why: str | None) -> None:
            nonlocal left
            left -= 1
            if why is not None:
                self._fail(why)
            elif not left:
                self._fence()

        for transaction in list(self.transactions.values()):
            transaction.open(self._while_wanted(opened))
        if not left:
            self._fence()

    def _fence(self) -> None:
        """Step 3: from here on rows of former owners are foreign."""
        fences = {
            owner: [changelog.a_fence() for changelog in share.changelogs]
            for owner, share in self.shares.items()
        }
        left = len(fences) if self.transactions else 1

        def fenced(outcome: Written | str) -> None:
            nonlocal left
            left -= 1
            if isinstance(outcome, str):
                self._fail(outcome)
                return
            if outcome.refused:
                self._fail(f"a fence is refused: {outcome.refused[0].why}")
                return
            for partition, offsets in outcome.ranges.items():
                self._changelogs[partition][0].fenced(offsets)
            if not left:
                self._ask_committed()

        heard = self._while_wanted(fenced)
        for owner, transaction in list(self.transactions.items()):
            transaction.commit(fences[owner], {}, heard)
        if not self.transactions:
            self._log.write([fence for own in fences.values() for fence in own], heard)

    def _ask_committed(self) -> None:
        """Step 4: an owner that is fenced commits nothing more."""
        assigned = [at for share in self.shares.values() for at in share.partitions]
        self.positions = dict.fromkeys(assigned, 0)
        self._group.committed(assigned, self._while_wanted(self._committed))

    def _committed(self, positions: Offsets | None) -> None:
        """Step 5: what lies before the fence is the shards' state."""
        if positions is None:
            self._fail("the committed offsets cannot be read")
            return
        self._maker.begins([at for at in self.positions if at not in positions])
        self.positions = {at: positions.get(at, 0) for at in self.positions}
        self._start_over()
        unknown: list[NewerFormat] = []

        def take(at: Partition, rows: Sequence[Record]) -> None:
            changelog, share = self._changelogs[at]
            try:
                if not unknown:
                    changelog.replay(rows, share.apply)
            except NewerFormat as error:
                unknown.append(error)

        def done(complete: bool) -> None:
            if unknown:
                self._maker.outdated(unknown[0])
                self._fail("the shards are not restored")
            elif not complete:
                self._fail("the changelogs were not read to their ends")
            else:
                for at, (changelog, _) in self._changelogs.items():
                    changelog.reached(ends[at])
                self._settle(positions)

        # The seals first: what is read before them has to be held.
        changelogs = sorted(
            (changelog for changelog, _ in self._changelogs.values()),
            key=lambda changelog: changelog.table != SEAL_TABLE,
        )
        starts = {changelog.partition: changelog.position for changelog in changelogs}
        ends = {changelog.partition: changelog.epoch + 1 for changelog in changelogs}
        self._log.replay(starts, ends, self._while_wanted(take), self._while_wanted(done))

    def _settle(self, committed: Offsets) -> None:
        """Step 6: rows that no seal covers do not count, and are written again."""
        for changelog, share in self._changelogs.values():
            changelog.settle(share.apply)
        why = self._hindrance(committed)
        if why is not None:
            self._maker.refused(why)
            self._fail("the shards are not restored")
        elif self.transactions:
            self._replayed()
        else:
            self._seal()

    def _seal(self) -> None:
        """Step 7: what counts in a shard of which no seal was read is what is there.

        That may lie in a local copy, and behind it rows that do not count.
        """
        seals = [
            a_seal(share.changelogs, {each.table: each.counted_to for each in share.changelogs})
            for share in self.shares.values()
            if any(changelog.seals.epoch < 0 for changelog in share.changelogs)
        ]

        def sealed(outcome: Written) -> None:
            if outcome.refused:
                self._fail(f"a seal is refused: {outcome.refused[0].why}")
            else:
                self._replayed()

        if seals:
            self._log.write(seals, self._while_wanted(sealed))
        else:
            self._replayed()

    def _start_over(self) -> None:
        """Forget what was read further than there is: its topics were deleted and made again."""
        for share in self.shares.values():
            if any(changelog.position > changelog.epoch for changelog in share.changelogs):
                share.start_over()
                for changelog in share.changelogs:
                    changelog.start_over()

    def _hindrance(self, committed: Offsets) -> str | None:
        """Why people are needed, and what they can do."""
        # A row that no release wrote: who guesses at it may lose a request.
        for changelog, _ in self._changelogs.values():
            for why in changelog.unreadable.values():
                return why
        # The group forgot how far it had read: all would be done once more.
        for owner, share in self.shares.items():
            has_rows = any(changelog.count or changelog.copied for changelog in share.changelogs)
            if has_rows and not any(at in committed for at in share.partitions):
                return (
                    f"shard {owner} has a state, but its group has no committed offset any more:"
                    " set where reading begins with kafka-consumer-groups --reset-offsets"
                )
        return None

    def _replayed(self) -> None:
        """Step 8: the group must not have changed since step 1."""
        self.proven_at = self._clock.steady_s()

        def done(answer: bool | None) -> None:
            if answer:
                self._done(self)
            else:
                self._not_a_member(answer)

        if self.transactions or not self.positions:
            self._group.prove(self._while_wanted(done))
        else:
            self._group.commit(self.positions, self._while_wanted(done))
