"""Backpressure: commands stay in Kafka while their shard is full."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from flrouter.ports import Partition
from flrouter.runtime.ownership.runner import Runner

#: of its capacity: so full is a shard when commands are read for it again.
REFILL = 0.8

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Backpressure:
    """Holds back the inbound partitions of full shards."""

    _inbound: Collection[str]
    #: told which partitions are not to be read, whenever that changes.
    _hold_back: Callable[[Collection[Partition]], None]
    #: the inbound partitions that are not read, as their shard is full.
    held_back: set[Partition] = field(default_factory=set)

    def tick(self, runners: Iterable[Runner]) -> None:
        """See which shards are full now."""
        full: set[Partition] = set()
        for runner in runners:
            inbound = {at for at in runner.progress if at.topic in self._inbound}
            limit = REFILL if inbound & self.held_back else 1
            if runner.core.load(runner.waiting) >= limit:
                full |= inbound
        if full != self.held_back:
            for number in sorted({at.number for at in full - self.held_back}):
                log.info("shard %d: full: reading no more commands", number)
            for number in sorted({at.number for at in self.held_back - full}):
                log.info("shard %d: reading commands again", number)
            self.held_back = full
            self._hold_back(full)
