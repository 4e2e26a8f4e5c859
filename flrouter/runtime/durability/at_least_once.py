"""At least once: outputs, changelogs, a seal, the acknowledgement, each when the last is durable.

Batches travel side by side: the next one is decided while the outputs of those before it are on
their way. A few times a second a checkpoint follows. Its rows wait for all outputs that it holds:
were a tombstone durable before its answer, a kill between the two would lose the answer for good. A
kill repeats what came since the last checkpoint, under the same request numbers. It meets the state
of that checkpoint, and no row of the next one: these count when they are all there, and sealed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from flrouter.core.requests.refused import instead_of
from flrouter.core.state.rules import Rules
from flrouter.core.values.effects import Effects, Send
from flrouter.ports import Clock, Offsets, Refusal, Write, Written
from flrouter.runtime.durability.changelog import SEALED
from flrouter.runtime.durability.guarantee import Checkpoint, Owner

#: batches whose outputs may travel at the same time.
MAX_UNDER_WAY = 8
#: between two checkpoints. All shards take theirs at the same time, so that they share requests.
CHECKPOINT_INTERVAL_S = 0.2


@dataclass(slots=True)
class _Batch:
    """A batch whose outputs are on their way."""

    done: Callable[[], None]
    #: how many of its writes are not over.
    writes: int = 0


@dataclass(eq=False)
class AtLeastOnce:
    """Makes one owner's batches durable."""

    _write: Write
    #: told the next offsets to read after a restart.
    _acknowledge: Callable[[Offsets], None]
    _rules: Rules
    _clock: Clock
    owner: Owner = field(init=False)
    version: ClassVar[int] = SEALED
    _under_way: deque[_Batch] = field(default_factory=deque)
    #: how many batches were begun, and how many of the first ones are durable.
    _begun: int = 0
    _durable: int = 0
    #: the checkpoint in flight, and the number of the last batch in it.
    _checkpoint: Checkpoint | None = None
    _holds: int = 0
    _written: Written = field(default_factory=Written)
    _writes: int = 0
    _saving: bool = False
    _beat: int = 0
    #: nothing is decided until a checkpoint holds this batch.
    _barrier: int = 0
    _finished: Callable[[], None] | None = None
    _dropped: bool = False

    @property
    def busy(self) -> bool:
        """Whether the next batch has to wait."""
        return (
            len(self._under_way) >= MAX_UNDER_WAY or self._barrier > 0 or self._finished is not None
        )

    def keep(self, effects: Effects, done: Callable[[], None]) -> None:
        """Write outputs, and begin a checkpoint when it is time for one."""
        batch = _Batch(done)
        self._under_way.append(batch)
        self._begun += 1
        if effects.sends:
            self._send(effects.sends, batch)
        if effects.checkpoint:
            self._barrier = self._begun
        self._advance()

    def finish(self, done: Callable[[], None]) -> None:
        """Call `done` when a checkpoint holds all."""
        self._finished = done
        self._advance()

    def drop(self) -> None:
        """Nothing follows at all."""
        self._dropped = True

    def _send(self, sends: Sequence[Send], batch: _Batch) -> None:
        batch.writes += 1

        def written(outcome: Written) -> None:
            if self._dropped:
                return
            batch.writes -= 1
            if instead := self._instead(outcome.refused):
                self._send(instead, batch)
            if not batch.writes:
                was_busy = self.busy
                self._advance()
                if was_busy and not self.busy and not self._dropped:
                    self.owner.has_room()

        self._write(sends, written)

    def _instead(self, refused: Sequence[Refusal]) -> list[Send]:
        if not refused:
            return []
        self.owner.refused(refused)
        now = self._clock.now_ms()
        return [
            other
            for send, why, exists in refused
            for other in instead_of(send, why, self._rules, now, topic_exists=exists)
        ]

    def _advance(self) -> None:
        """See what is durable now, and what may follow from that."""
        under_way = self._under_way
        while under_way and not under_way[0].writes:
            self._durable += 1
            under_way.popleft().done()
        if self._dropped:
            return
        if self._checkpoint is None:
            self._begin()
        elif not self._saving and self._durable >= self._holds:
            self._save(self._checkpoint.rows)

    def _begin(self) -> None:
        """Take a checkpoint, if it is time."""
        beat = int(self._clock.steady_s() / CHECKPOINT_INTERVAL_S)
        if beat == self._beat and not self._barrier and self._finished is None:
            return
        self._beat = beat
        checkpoint = self.owner.checkpoint()
        self._holds = self._begun
        if not checkpoint.rows and not checkpoint.positions:
            if self._durable >= self._holds:
                self._end()
                return
            if not self._barrier and self._finished is None:
                return
        self._checkpoint = checkpoint
        self._written = Written()
        self._saving = False
        if self._durable >= self._holds:
            self._save(checkpoint.rows)

    def _save(self, rows: Sequence[Send]) -> None:
        self._saving = True
        self._writes += 1

        def written(outcome: Written) -> None:
            if self._dropped:
                return
            self._writes -= 1
            self._written.ranges.update(outcome.ranges)
            if instead := self._instead(outcome.refused):
                self._save(instead)
            if not self._writes:
                self._saved()

        if rows:
            self._write(rows, written)
        else:
            written(Written())

    def _saved(self) -> None:
        """All rows are durable."""
        checkpoint = self._checkpoint
        assert checkpoint is not None
        self.owner.kept(self._written, self._seal if checkpoint.rows else self._sealed)

    def _seal(self) -> None:
        """Make the rows count."""
        if self._dropped:
            return

        def written(outcome: Written) -> None:
            if self._dropped:
                return
            if outcome.refused:
                self.owner.lost(f"a seal is refused: {outcome.refused[0].why}")
            else:
                self.owner.kept(outcome, self._sealed)

        self._write([self.owner.seal()], written)

    def _sealed(self) -> None:
        """The checkpoint is whole."""
        if self._dropped:
            return
        checkpoint, self._checkpoint = self._checkpoint, None
        assert checkpoint is not None
        self.owner.saved(checkpoint)
        if checkpoint.positions:
            self._acknowledge(checkpoint.positions)
        self._end()

    def _end(self) -> None:
        """A checkpoint is durable; or there was nothing that it could hold."""
        if self._barrier and self._holds >= self._barrier:
            self._barrier = 0
            if self._finished is None:
                self.owner.has_room()
        if self._finished is not None and self._holds == self._begun == self._durable:
            finished, self._finished = self._finished, None
            self._dropped = True
            finished()
        elif self._barrier or self._finished is not None:
            self._advance()
