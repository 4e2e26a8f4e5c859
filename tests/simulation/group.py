"""The coordinator of the group: it deals shards, waits for the slow, and drops the dead."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import Protocol

from flrouter.ports import Partition

from .dice import Dice

#: ms; a worker that is silent for so long is no member any more.
SESSION = 1_000
#: ms; so long it takes a worker that goes on to send a heartbeat and have its answer.
HEARTBEAT = SESSION // 4
#: ms; so long a rebalance waits for a worker to let go.
REBALANCE = 2 * SESSION


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
    #: ms; since when it is in that condition.
    since: int

    def told_to_let_go(self) -> None:
        """A rebalance has begun, or it hears that it is no member any more."""

    def told_what_it_owns(self, generation: int, partitions: Collection[Partition]) -> None:
        """A rebalance is over."""

    def dropped(self) -> None:
        """It is no member any more, and does not know."""


class Coordinator:
    """Who is a member, under which generation, and who reads what."""

    def __init__(
        self, now: Callable[[], int], shares: Callable[[int, Dice], list[list[Partition]]]
    ) -> None:
        """Args:
        now: ms.
        shares: deals all partitions to so many members.
        """
        self._now = now
        self._shares = shares
        self.members: list[Member] = []
        self.generation = 0
        self._ready: list[Member] = []
        #: those that are no members any more, and do not know.
        self._dropped: list[Member] = []
        self._preparing = False
        self._began = 0

    @property
    def stable(self) -> bool:
        """Whether no rebalance is under way."""
        return not self._preparing

    def knows(self, member: Member, generation: int) -> bool:
        """Whether that is a member under the present generation."""
        return member in self.members and generation == self.generation

    def join(self, member: Member) -> None:
        """A worker comes; it owns nothing."""
        if member in self._dropped:
            self._dropped.remove(member)
        self.rebalance()
        self.members.append(member)
        self._ready.append(member)

    def leave(self, member: Member) -> None:
        """A worker goes, or is dropped."""
        if member in self.members:
            self.members.remove(member)
            if member in self._ready:
                self._ready.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Everybody lets go of everything."""
        if self._preparing:
            return
        self._preparing = True
        self._began = self._now()
        self._ready.clear()
        for member in self.members:
            member.told_to_let_go()

    def ready(self, member: Member) -> None:
        """A worker has let go; one that was dropped meanwhile comes anew."""
        if member not in self.members:
            self.join(member)
        elif self._preparing and member not in self._ready:
            self._ready.append(member)

    def step(self, dice: Dice) -> None:
        """Drop who is silent, tell who was dropped and goes on; deal when all are ready."""
        now = self._now()
        for member in list(self.members):
            if member.condition in _SILENT and now - member.since >= SESSION:
                self._drop(member)
                self.leave(member)
        for member in list(self._dropped):
            if member.condition not in _SILENT and now - member.since >= HEARTBEAT:
                self._dropped.remove(member)
                member.told_to_let_go()
        if not self._preparing:
            return
        if now - self._began >= REBALANCE:
            for member in self.members:
                if member not in self._ready:
                    self._drop(member)
            self.members = list(self._ready)
        if self.members and len(self._ready) == len(self.members):
            self._preparing = False
            self.generation += 1
            shares = self._shares(len(self.members), dice)
            for member, share in zip(self.members, shares, strict=True):
                member.told_what_it_owns(self.generation, share)

    def _drop(self, member: Member) -> None:
        if member.condition is not Condition.DEAD:
            self._dropped.append(member)
        member.dropped()
