"""Checkpoints: what must be durable before the commands behind it may be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from faust.types import TP

from flrouter.core.effects import Effects, Send

#: the rows that changed in each table: key and new value, None where it is gone.
Changes = list[tuple[str, list[tuple[str, Any]]]]
#: (topic, partition) → the offset after the last record written.
Positions = dict[tuple[str, int], int]


class Checkpoint(NamedTuple):
    """All that became of a shard since the checkpoint before."""

    #: what changed in its tables, as changelog records.
    records: Sequence[Send]
    #: the next offset to read of each partition after a restart from here.
    positions: Mapping[TP, int]


class Owner(Protocol):
    """Whose checkpoints they are: a :class:`~flrouter.runtime.runner.Runner`."""

    def checkpoint(self) -> Checkpoint:
        """Take what became of it since the last call."""

    def kept(self, checkpoint: Checkpoint, written: Positions) -> None:
        """It is durable, and its records end there."""


class Guarantee(Protocol):
    """How a shard's work is made durable: :mod:`at_least_once` or :mod:`exactly_once`."""

    async def keep(self, effects: Effects, owner: Owner) -> None:
        """Make a batch's outputs durable, and take a checkpoint when it is time for one."""

    async def finish(self, owner: Owner) -> None:
        """Return when a checkpoint holds all that was done; no batch is in hand."""

    async def close(self) -> None:
        """Nothing follows at all."""
