"""What a runner needs of a guarantee, and a guarantee of its runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from flrouter.core.values.effects import Effects, Send
from flrouter.ports import Offsets, Refusal, Written


class Checkpoint(NamedTuple):
    """All that became of a shard since the checkpoint before."""

    #: what changed in its tables, as changelog records.
    rows: Sequence[Send]
    #: the next offset to read of each partition after a restart.
    positions: Offsets
    #: rows that say what was done to others, as that a sync is over: a kill must not leave them
    #: without those.
    last_rows: Sequence[Send] = ()

    def at_once(self) -> Checkpoint:
        """The same, if all of it is written or nothing."""
        return Checkpoint([*self.rows, *self.last_rows], self.positions)


class Owner(Protocol):
    """Whose work is made durable: a :class:`~flrouter.runtime.ownership.runner.Runner`."""

    def checkpoint(self) -> Checkpoint:
        """Take what became of it since the last call."""

    def kept(self, checkpoint: Checkpoint, written: Written, done: Callable[[], None]) -> None:
        """A checkpoint, or its first part, is durable; `done` when its rows count for certain."""

    def refused(self, refusals: Sequence[Refusal]) -> None:
        """Brokers will never take these; others are written in their place."""

    def has_room(self) -> None:
        """The guarantee is not busy any more."""

    def run_later(self, delay_s: float) -> None:
        """Call `keep` in so many seconds, even if nothing comes by then."""

    def lost(self, why: str) -> None:
        """What was decided is not durable, and will not be."""


class Guarantee(Protocol):
    """Makes what one owner decides durable."""

    owner: Owner

    @property
    def busy(self) -> bool:
        """Whether the next batch has to wait."""

    def keep(self, effects: Effects, done: Callable[[], None]) -> None:
        """Make a batch durable, `done` when it and all before it are, and take checkpoints."""

    def finish(self, done: Callable[[], None]) -> None:
        """No batch follows; `done` when a checkpoint holds all of them."""

    def drop(self) -> None:
        """Nothing follows at all, and nothing is told any more."""
