"""What a runner needs of a guarantee, and a guarantee of its runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Protocol

from flrouter.core.values.effects import Effects, Send
from flrouter.ports import Offsets, Refusal, Written


class Checkpoint(NamedTuple):
    """All that became of a shard since the checkpoint before."""

    #: what changed in its tables, as changelog records.
    rows: Sequence[Send]
    #: the next offset to read of each partition after a restart.
    positions: Offsets


class Owner(Protocol):
    """Whose work is made durable: a :class:`~flrouter.runtime.ownership.runner.Runner`."""

    def checkpoint(self) -> Checkpoint:
        """Take what became of it since the last call."""

    def seal(self) -> Send:
        """The record that makes all rows count that were kept."""

    def kept(self, written: Written, done: Callable[[], None]) -> None:
        """Rows or a seal are durable; `done` when nobody else has the shard for certain."""

    def saved(self, checkpoint: Checkpoint) -> None:
        """All of a checkpoint is durable, and counts."""

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
    #: in what format its rows are written.
    version: ClassVar[int]

    @property
    def busy(self) -> bool:
        """Whether the next batch has to wait."""

    def keep(self, effects: Effects, done: Callable[[], None]) -> None:
        """Make a batch durable, `done` when it and all before it are, and take checkpoints."""

    def finish(self, done: Callable[[], None]) -> None:
        """No batch follows; `done` when a checkpoint holds all of them."""

    def drop(self) -> None:
        """Nothing follows at all, and nothing is told any more."""
