"""At least once: outputs, then changelogs, then the acknowledgement, each when the last is durable.

A kill in between repeats work under the same request numbers, and loses none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from faust.types import TP

from flrouter.core.effects import Send
from flrouter.core.refused import instead_of
from flrouter.core.rules import Rules
from flrouter.runtime.clock import now_ms
from flrouter.runtime.lease import Lease
from flrouter.runtime.writer import Positions, Writer

#: s; between two tries to write what was not written.
RETRY = 0.5

log = logging.getLogger(__name__)


class AtLeastOnce:
    """Makes batches durable through the worker's one writer."""

    def __init__(
        self,
        writer: Writer,
        lease: Lease,
        rules: Rules,
        acknowledge: Callable[[Mapping[TP, int]], None],
    ) -> None:
        """Args:
        writer: all shards' one writer.
        lease: proof that the shards are still this worker's.
        rules: the shards'.
        acknowledge: told the next offsets to read after a restart.
        """
        self._writer = writer
        self._lease = lease
        self._rules = rules
        self._acknowledge = acknowledge

    async def keep(
        self, outputs: Sequence[Send], changelogs: Sequence[Send], positions: Mapping[TP, int]
    ) -> Positions:
        """Make a batch durable, for as long as it takes; returns where its records ended.

        Args:
            outputs: what others are to read. Written first: a kill between a durable tombstone
                and its answer would lose the answer for good.
            changelogs: what changed in the tables.
            positions: the next offsets to read after it.
        """
        await self._write(list(outputs))
        written = await self._write(list(changelogs))
        if positions:
            self._acknowledge(positions)
        return written

    async def _write(self, sends: list[Send]) -> Positions:
        written: Positions = {}
        while sends:
            await self._own()
            producer = self._writer.producer
            outcome = await self._writer.write(sends)
            written |= outcome.positions
            sends = [
                other
                for send, why, exists in outcome.refused
                for other in instead_of(send, why, self._rules, now_ms(), topic_exists=exists)
            ]
            if outcome.failed:
                count, reason = len(outcome.failed), outcome.reason
                log.warning("%d records not written, trying again: %r", count, reason)
                sends += outcome.failed
                await asyncio.sleep(RETRY)
                await self._replace(producer)
        return written

    async def _replace(self, producer: object) -> None:
        try:
            await self._writer.replace(producer)
        except Exception as error:  # noqa: BLE001 - the broker is away; any way of failing is one
            log.warning("no new producer yet: %r", error)

    async def _own(self) -> None:
        """Wait until it is certain that the shard is still this worker's; it may never be."""
        while not self._lease.valid:
            log.info("not sure of the shards: asking the coordinator")
            if not await self._lease.renew():
                await asyncio.sleep(RETRY)

    async def close(self) -> None:
        """Nothing: the writer is everybody's."""
