"""At least once: outputs, then changelogs, then the acknowledgement, each when the last is durable.

Outputs go out with every batch, the other two a few times a second: a command that is answered in
between never comes into a changelog. A kill repeats what came since the last checkpoint, under the
same request numbers, and loses none of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import monotonic

from faust.types import TP

from flrouter.core.effects import Effects, Send
from flrouter.core.refused import instead_of
from flrouter.core.rules import Rules
from flrouter.runtime.checkpoint import Checkpoint, Owner, Positions
from flrouter.runtime.clock import now_ms
from flrouter.runtime.lease import Lease
from flrouter.runtime.writer import Writer

#: s; between two tries to write what was not written.
RETRY = 0.5
#: s; between two checkpoints. All shards take theirs at the same time, so that they share requests.
INTERVAL = 0.2

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
        self._beat = 0
        #: the one that is being written, or was last.
        self._checkpoint: asyncio.Future[None] | None = None

    async def keep(self, effects: Effects, owner: Owner) -> None:
        """Write outputs, for as long as it takes, and begin a checkpoint when it is time.

        Outputs come first: a kill between a durable tombstone and its answer would lose the answer
        for good.
        """
        await self._write(list(effects.sends))
        if effects.checkpoint:
            await self.finish(owner)
            return
        beat = int(monotonic() / INTERVAL)
        if beat == self._beat:
            return
        if self._checkpoint is not None:
            if not self._checkpoint.done():
                return
            self._checkpoint.result()  # raises what went wrong there
        self._beat = beat
        checkpoint = owner.checkpoint()
        if checkpoint.records or checkpoint.positions:
            self._checkpoint = asyncio.ensure_future(self._keep(checkpoint, owner))

    async def finish(self, owner: Owner) -> None:
        """Wait for the checkpoint under way, then take one that holds all."""
        if self._checkpoint is not None:
            await self._checkpoint
        await self._keep(owner.checkpoint(), owner)

    async def _keep(self, checkpoint: Checkpoint, owner: Owner) -> None:
        owner.kept(checkpoint, await self._write(list(checkpoint.records)))
        if checkpoint.positions:
            self._acknowledge(checkpoint.positions)

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
        """Write no more; the writer is everybody's."""
        if self._checkpoint is not None:
            self._checkpoint.cancel()
