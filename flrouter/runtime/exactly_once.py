"""Exactly once: outputs, changelogs and input offsets of a batch are one Kafka transaction.

Each shard has a transactional id of its own, so whoever takes a shard over fences the worker that
held it before. Holds for readers with ``isolation.level=read_committed``.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from flrouter.core.effects import Effects, Send
from flrouter.core.refused import instead_of
from flrouter.core.rules import Rules
from flrouter.runtime.checkpoint import Owner, Positions
from flrouter.runtime.clock import now_ms
from flrouter.runtime.directory import Directory
from flrouter.runtime.writer import Writer
from flrouter.settings import Settings


class ShardLost(RuntimeError):
    """A batch was not made durable: the shard's state is ahead of it and must be thrown away."""


class ExactlyOnce:
    """Makes the batches of one shard durable, each in a transaction."""

    def __init__(
        self, settings: Settings, directory: Directory, rules: Rules, transactional_id: str
    ) -> None:
        self._group = settings.app_id
        self._rules = rules
        self._writer = Writer(settings, directory, transactional_id)

    async def open(self) -> None:
        """Fence whoever wrote under this transactional id before."""
        await self._writer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._writer.stop()

    async def keep(self, effects: Effects, owner: Owner) -> None:
        """Make a batch durable as a whole, or not at all: each is a checkpoint.

        Raises:
            ShardLost: it is not, or nobody can tell. Somebody else may own the shard.
        """
        checkpoint = owner.checkpoint()
        if effects.sends or checkpoint.records or checkpoint.positions:
            sends = [*effects.sends, *checkpoint.records]
            owner.kept(checkpoint, await self._commit(sends, checkpoint.positions))

    async def finish(self, owner: Owner) -> None:
        """Nothing: the last batch was a checkpoint."""

    async def _commit(self, sends: list[Send], positions: Mapping[TP, int]) -> Positions:
        offsets = {
            TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "")
            for tp, offset in positions.items()
        }
        apart: set[tuple[str, int]] = set()
        try:
            while True:
                producer = self._writer.producer
                await producer.begin_transaction()
                outcome = await self._writer.write(sends, apart)
                if not outcome.refused and not outcome.too_large:
                    if outcome.failed:
                        raise ShardLost(f"{len(outcome.failed)} records were not written") from (
                            outcome.reason
                        )
                    if offsets:
                        await producer.send_offsets_to_transaction(offsets, self._group)
                    await producer.commit_transaction()
                    return outcome.positions
                # The broker took not all: again, one by one where one of many was too large, and
                # with something else in the place of what it never will. What came after that in
                # its partition failed, as would all that comes now: a sequence has a gap there.
                await producer.abort_transaction()
                await self._writer.replace(producer)
                apart |= outcome.too_large
                refused = {id(send): (why, exists) for send, why, exists in outcome.refused}
                sends = [
                    other
                    for send in sends
                    for other in (
                        instead_of(
                            send,
                            refused[id(send)][0],
                            self._rules,
                            now_ms(),
                            topic_exists=refused[id(send)][1],
                        )
                        if id(send) in refused
                        else [send]
                    )
                ]
        except ShardLost:
            raise
        except Exception as error:
            # Whatever it was, nobody can tell what of the batch is durable.
            raise ShardLost(repr(error)) from error
