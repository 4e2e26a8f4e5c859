"""Exactly once: outputs, changelogs and input offsets are one Kafka transaction.

What was decided since the last transaction began is the next one; batches are decided on top of the
one under way. A transaction costs five requests and a marker in each partition however little it
holds, so the more comes, the longer it gathers; a command that comes alone is committed at once.
The brokers write the markers after they have said that all is committed, and keep whoever begins
before that waiting, so under load a rest follows. Holds for readers with
``isolation.level=read_committed``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from flrouter.core.requests.refused import instead_of
from flrouter.core.state.rules import Rules
from flrouter.core.values.effects import Effects, Send
from flrouter.pace import Pace
from flrouter.ports import Clock, Transaction, Written
from flrouter.runtime.durability.changelog import WHOLE
from flrouter.runtime.durability.guarantee import Checkpoint, Owner

#: that may wait for the next transaction.
MAX_WAITING_RECORDS = 10_000
#: s; the longest time for which a transaction gathers, from when the last one began. One that takes
#: longer than that is followed by its rest.
MAX_PAUSE_S = 0.06
#: inputs a second of one shard from which on it is that long.
BUSY_RATE = 800.0
#: s; the longest rest after a transaction; it rests no longer than it gathers.
MAX_REST_S = 0.01
#: s; by so much sooner than asked for it may be looked whether a transaction may begin.
EARLY_S = 0.001


@dataclass(eq=False)
class ExactlyOnce:
    """Makes one owner's batches durable, some in each transaction."""

    #: the owner's, open.
    _transaction: Transaction
    _rules: Rules
    _clock: Clock
    owner: Owner = field(init=False)
    version: ClassVar[int] = WHOLE
    #: what was decided and is in no transaction.
    _sends: list[Send] = field(default_factory=list)
    _done: list[Callable[[], None]] = field(default_factory=list)
    _inputs: int = 0
    _pace: Pace = field(default_factory=lambda: Pace(MAX_PAUSE_S, BUSY_RATE))
    #: when (steady s) the next transaction may begin.
    _next_at: float = 0.0
    #: the same, if the owner was asked to run then.
    _asked_for: float = 0.0
    _rest_s: float = 0.0
    _committing: bool = False
    _finished: Callable[[], None] | None = None
    _dropped: bool = False

    @property
    def busy(self) -> bool:
        """Whether the next batch has to wait."""
        return len(self._sends) >= MAX_WAITING_RECORDS or self._finished is not None

    def keep(self, effects: Effects, done: Callable[[], None]) -> None:
        """Make a batch durable with the next transaction: each is a checkpoint."""
        self._sends += effects.sends
        self._inputs += effects.inputs
        self._done.append(done)
        self._begin()

    def finish(self, done: Callable[[], None]) -> None:
        """Call `done` when all is committed."""
        self._finished = done
        self._begin()

    def drop(self) -> None:
        """Nothing follows at all."""
        self._dropped = True
        self._transaction.close()

    def _begin(self) -> None:
        if self._committing or self._dropped:
            return
        now = self._clock.steady_s()
        if now < self._next_at - EARLY_S and not self.busy:
            if (self._sends or self._inputs) and self._asked_for != self._next_at:
                self._asked_for = self._next_at
                self.owner.run_later(self._next_at - now)
            return
        checkpoint = self.owner.checkpoint()
        sends, self._sends = self._sends, []
        done, self._done = self._done, []
        if sends or checkpoint.rows or checkpoint.positions:
            self._committing = True
            self._next_at = self._pace.next_at(now, self._inputs)
            self._rest_s = min(self._next_at - now, MAX_REST_S)
            self._inputs = 0
            self._commit([*sends, *checkpoint.rows], checkpoint, done)
            return
        for tell in done:
            tell()
        self._finish()

    def _commit(
        self, sends: list[Send], checkpoint: Checkpoint, done: list[Callable[[], None]]
    ) -> None:
        def committed(outcome: Written | str) -> None:
            if self._dropped:
                return
            if isinstance(outcome, str):
                self.owner.lost(outcome)
            elif outcome.refused:
                self.owner.refused(outcome.refused)
                self._commit(self._without(sends, outcome), checkpoint, done)
            else:
                for tell in done:
                    tell()
                # One after the other, as whoever keeps a copy of the rows must have them in order.
                self.owner.kept(outcome, go_on)

        def go_on() -> None:
            if self._dropped:
                return
            self.owner.saved(checkpoint)
            was_busy = self.busy
            self._committing = False
            self._next_at = max(self._next_at, self._clock.steady_s() + self._rest_s)
            if self._done:
                self._begin()
            else:
                self._finish()
            if was_busy and not self.busy and not self._dropped:
                self.owner.has_room()

        self._transaction.commit(sends, checkpoint.positions, committed)

    def _without(self, sends: list[Send], outcome: Written) -> list[Send]:
        """The same records, with others in the place of those that are refused."""
        now = self._clock.now_ms()
        others = {
            id(send): instead_of(send, why, self._rules, now, topic_exists=exists)
            for send, why, exists in outcome.refused
        }
        return [other for send in sends for other in others.get(id(send), [send])]

    def _finish(self) -> None:
        if self._finished is not None:
            finished, self._finished = self._finished, None
            finished()
