"""The lease: how long this worker may take its shards for its own, and what it has acknowledged.

The group takes the shards of a worker away that it has not heard of for the session timeout. So
who was a member a moment ago may write for a while; who does not know must ask first. A commit asks
too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from flrouter.core.values.effects import Send
from flrouter.ports import Clock, Group, Log, Offsets, Partition, Written

#: between two commits of what is acknowledged. A kill repeats at most this much more.
COMMIT_INTERVAL_S = 0.1
#: of the session timeout: how long a proof of membership lasts.
LEASE = 0.8

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Lease:
    """Of all shards of a worker, from when it has some until it has none or drops them.

    A worker that was frozen writes nothing before it is a member again (protocol.md, 7.5).
    """

    _group: Group
    _log: Log
    _clock: Clock
    _session_s: float
    #: called when the group does not know this worker any more.
    _no_member: Callable[[], None]
    #: not where transactions fence former owners.
    _needed: bool
    #: it is not known whether the shards are ours: writes are held back.
    frozen: bool = False
    #: when (steady s) the last proof of membership was asked for.
    _proven_at: float = float("-inf")
    _asking: bool = False
    _committed_at: float = float("-inf")
    #: what is acknowledged and not committed; the second is in flight.
    _news: dict[Partition, int] = field(default_factory=dict)
    _under_way: dict[Partition, int] = field(default_factory=dict)
    #: who waits until all of some partitions is committed.
    _waiting: list[tuple[Collection[Partition], Callable[[], None]]] = field(default_factory=list)
    _held: list[tuple[Sequence[Send], Callable[[Written], None]]] = field(default_factory=list)
    _dropped: bool = False

    @property
    def may_write(self) -> bool:
        """Whether nobody else can own the shards now."""
        now = self._clock.steady_s()
        return not self._needed or now < self._proven_at + LEASE * self._session_s

    def write(self, sends: Sequence[Send], done: Callable[[Written], None]) -> None:
        """Write, as soon as the shards are certain to be ours."""
        if self._held or not self.may_write:
            self._held.append((sends, done))
            self._freeze()
        else:
            self._log.write(sends, done)

    def acknowledge(self, positions: Offsets) -> None:
        """Commit these before long."""
        self._news.update(positions)

    def settle(self, partitions: Collection[Partition], done: Callable[[], None]) -> None:
        """Call `done` when all that is acknowledged of these is committed."""
        self._waiting.append((partitions, done))
        self._tell_settled()
        if self._waiting:
            self.tick()

    def tick(self) -> None:
        """Time has passed: commit, or ask for a proof in good time when there is nothing."""
        now = self._clock.steady_s()
        if not self.may_write:
            self._freeze()
        if self._asking:
            return
        if self._news:
            soon = now - self._committed_at < COMMIT_INTERVAL_S
            if soon and self.may_write and not self._waiting:
                return
        elif not self._needed or now < self._proven_at + LEASE * self._session_s / 2:
            return
        self._committed_at = now
        self._asking = True
        self._under_way, self._news = self._news, {}

        def done(answer: bool | None) -> None:
            self._asking = False
            if self._dropped:
                return
            news, self._under_way = self._under_way, {}
            if answer:
                self.proven(now)
                self._tell_settled()
                if self._waiting:
                    self.tick()
            elif answer is None:
                self._news = news | self._news
            else:
                self._no_member()

        if self._under_way:
            self._group.commit(self._under_way, done)
        else:
            self._group.prove(done)

    def proven(self, asked_at: float) -> None:
        """We were a member then (steady s)."""
        self._proven_at = max(self._proven_at, asked_at)
        if not self.may_write:
            return
        self.frozen = False
        held, self._held = self._held, []
        for sends, done in held:
            self._log.write(sends, done)

    def drop(self, *, commit: bool) -> None:
        """Hear of nothing any more; what is acknowledged may be committed, as it is durable."""
        self._dropped = True
        if commit and self._news:
            # The group refuses it if it is not ours any more.
            self._group.commit(self._news, lambda _: None)

    def _freeze(self) -> None:
        if not self.frozen:
            self.frozen = True
            log.warning("no answer from the group coordinator: nothing is written until it answers")

    def _tell_settled(self) -> None:
        pending = self._news.keys() | self._under_way.keys()
        settled = [done for at, done in self._waiting if pending.isdisjoint(at)]
        self._waiting = [one for one in self._waiting if not pending.isdisjoint(one[0])]
        for done in settled:
            done()
