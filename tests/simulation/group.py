"""The coordinator of the group: it deals shards, waits for the slow, and drops the dead."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import Protocol

from flrouter.faust_side import assignor
from flrouter.ports import Partition

from .dice import Dice

#: ms; a worker that is silent for so long is no member any more.
SESSION = 1_000
#: ms; so long it takes a worker that goes on to send a heartbeat and have its answer.
HEARTBEAT = SESSION // 4
#: ms; so long a rebalance waits for a worker to join.
REBALANCE = 2 * SESSION
#: each so manieth rebalance all let go of everything, as beside a worker of 0.1.0.
EAGER_EVERY = 5


class Condition(Enum):
    """How a worker is."""

    RUNNING = "running"
    #: its event loop stands still, its heartbeats do not.
    STUCK = "stuck"
    #: all of it stands still.
    FROZEN = "frozen"
    DEAD = "dead"


#: those that send no heartbeats.
_SILENT = (Condition.FROZEN, Condition.DEAD)


class Member(Protocol):
    """A worker, as the coordinator sees it."""

    condition: Condition
    exactly_once: bool
    #: ms; since when it is in that condition.
    since: int

    def told_to_join(self, *, eager: bool) -> None:
        """A rebalance has begun; if it is eager all is to be let go of before."""

    def told_what_it_owns(
        self, generation: int, partitions: Collection[Partition], told: Collection[int]
    ) -> None:
        """A rebalance is over; `told` is what it held when it joined."""

    def told_that_it_is_out(self) -> None:
        """It is no member any more."""

    def dropped(self) -> None:
        """It is no member any more, and does not know."""


class Coordinator:
    """Who is a member, under which generation, and who reads what."""

    def __init__(
        self,
        now: Callable[[], int],
        deal: Callable[[int, Dice], dict[int, int]],
        partitions: Callable[[Collection[int]], list[Partition]],
    ) -> None:
        """Args:
        now: ms.
        deal: deals all shards to so many members: to which one each goes.
        partitions: what is read for some shards.
        """
        self._now = now
        self._deal = deal
        self._partitions = partitions
        self.members: list[Member] = []
        self.generation = 0
        #: who has joined the rebalance under way, and the shards that each holds.
        self._joined: dict[Member, Collection[int]] = {}
        #: the shards that each was dealt last.
        self._owned: dict[Member, Collection[int]] = {}
        #: those that are no members any more, and do not know.
        self._dropped: list[Member] = []
        self._preparing = False
        self._began = 0
        self._rebalances = 0

    @property
    def stable(self) -> bool:
        """Whether no rebalance is under way."""
        return not self._preparing

    def knows(self, member: Member, generation: int) -> bool | None:
        """Whether that is a member; None when only under a newer generation."""
        if member not in self.members:
            return False
        return True if generation == self.generation else None

    def enter(self, member: Member) -> None:
        """A worker comes; it holds nothing."""
        if member in self._dropped:
            self._dropped.remove(member)
        self.rebalance()
        self.members.append(member)
        self._joined[member] = ()

    def leave(self, member: Member) -> None:
        """A worker goes, or is dropped."""
        if member in self.members:
            self.members.remove(member)
            self._joined.pop(member, None)
            self.rebalance()

    def rebalance(self) -> None:
        """Everybody is to join anew, and goes on with what it holds."""
        if self._preparing:
            return
        self._preparing = True
        self._began = self._now()
        self._joined.clear()
        self._rebalances += 1
        for member in self.members:
            member.told_to_join(eager=self._rebalances % EAGER_EVERY == 0)

    def join(self, member: Member, holds: Collection[int]) -> None:
        """A member joins the rebalance."""
        if member in self.members and self._preparing:
            self._joined.setdefault(member, holds)

    def step(self, dice: Dice) -> None:
        """Drop who is silent, tell who was dropped and goes on; deal when all have joined."""
        now = self._now()
        for member in list(self.members):
            if member.condition in _SILENT and now - member.since >= SESSION:
                self._drop(member)
                self.leave(member)
        for member in list(self._dropped):
            if member.condition not in _SILENT and now - member.since >= HEARTBEAT:
                self._dropped.remove(member)
                member.told_that_it_is_out()
        if not self._preparing:
            return
        if now - self._began >= REBALANCE:
            for member in self.members:
                if member not in self._joined:
                    self._drop(member)
            self.members = list(self._joined)
        if self.members and len(self._joined) == len(self.members):
            self._preparing = False
            self.generation += 1
            self._tell(dice)

    def _tell(self, dice: Dice) -> None:
        names = {str(at): member for at, member in enumerate(self.members)}
        held = {name: self._joined[member] for name, member in names.items()}
        guarantees = {name: str(member.exactly_once) for name, member in names.items()}
        owned = {name: self._owned.get(member, ()) for name, member in names.items()}
        owning = list(assignor.entitled(guarantees, held, owned))
        dealt = self._deal(len(owning), dice)
        owners, _ = assignor.hold_back({shard: owning[at] for shard, at in dealt.items()}, held)
        for name, member in names.items():
            shards = self._owned[member] = [shard for shard in owners if owners[shard] == name]
            own = self._partitions(shards)
            member.told_what_it_owns(self.generation, own, self._joined[member])

    def _drop(self, member: Member) -> None:
        if member.condition is not Condition.DEAD:
            self._dropped.append(member)
        member.dropped()
