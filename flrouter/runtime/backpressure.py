"""Backpressure: commands stay in Kafka while their shard is full."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from flrouter.core.shard import Shard
from flrouter.ports import Partition
from flrouter.runtime.ownership.runner import Runner

#: how full a shard is when it is given commands again.
REFILL = 0.8

log = logging.getLogger(__name__)


class Backpressure:
    """Holds back the inbound partitions of full shards."""

    def __init__(
        self, inbound: Collection[str], hold_back: Callable[[Collection[Partition]], None]
    ) -> None:
        """Args:
        inbound: the topics that commands come from.
        hold_back: told which partitions are not to be read, whenever that changes.
        """
        self._inbound = inbound
        self._hold_back = hold_back
        #: the inbound partitions that are not read because their shard has enough to do.
        self.held_back: set[Partition] = set()

    def tick(self, runners: Iterable[Runner]) -> None:
        """See which shards are full now."""
        full: set[Partition] = set()
        for runner in runners:
            if isinstance(runner.core, Shard):
                inbound = {at for at in runner.progress if at.topic in self._inbound}
                load = runner.core.load(runner.waiting)
                if load >= (REFILL if inbound & self.held_back else 1):
                    full |= inbound
        if full != self.held_back:
            for said, changed in (
                ("full: reading no more commands", full - self.held_back),
                ("reading commands again", self.held_back - full),
            ):
                for number in sorted({at.number for at in changed}):
                    log.info("shard %d: %s", number, said)
            self.held_back = full
            self._hold_back(full)
