"""Faust's view of the tables: their names and changelogs. The data is the shards' own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.errors import KafkaError
from faust.tables import recovery
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.table import Table as FaustTable
from faust.types import TP
from mode import Service

from flrouter.runtime.exactly_once import ShardLost

#: s; before a takeover that failed is tried again.
RETRY = 1.0


class ShardTable(FaustTable):
    """A read-only window on one table of all shards that this worker owns.

    Upstream keeps keys of partitions that it lost, and writes only inside a stream; shards do both
    right, so they hold the data and this shows it.
    """

    def _shards(self) -> Iterator[Any]:
        for core in self.app.shards.owned():
            yield getattr(core.context, self.name)

    def __getitem__(self, key: Any) -> Any:
        """The value at `key`, if this worker owns it. Raises KeyError."""
        for table in self._shards():
            if key in table:
                return table[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether this worker owns `key`."""
        return any(key in table for table in self._shards())

    def __iter__(self) -> Iterator[Any]:
        """Every key that this worker owns."""
        for table in self._shards():
            yield from table

    def __len__(self) -> int:
        """How many keys this worker owns."""
        return sum(len(table) for table in self._shards())

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: shards come and go with their data."""


class Takeover(recovery.Recovery):
    """After a rebalance: restore the shards, then let the records flow, in this order.

    Upstream resumes the flow first and clears the queues after it, which strands what was read in
    between (F#596), and restores record by record.
    """

    _anew = False

    @Service.task
    async def _restart_recovery(self) -> None:
        app = self.app
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start):
                break
            self.signal_recovery_start.clear()
            generation = self._generation_id
            consumer = app.consumer
            assigned = {TP(tp.topic, tp.partition) for tp in consumer.assignment()}
            if self._anew:
                self._anew = False
                await consumer.let_go()
            try:
                owned = await app.shards.take_over(assigned)
            except (TimeoutError, KafkaError, ShardLost) as error:
                self.log.warning("not taken over, trying again: %r", error)
                await self.sleep(RETRY)
                self.again()
                continue
            # Nothing is awaited between this and the flow: were records to flow after another
            # rebalance has begun, those of its assignment would find no shards and be lost.
            if owned != app.shards.generation or app.consumer_generation_id != generation:
                continue  # it signals again
            consumer.resume_partitions(assigned)
            self.completed.set()
            app.flow_control.resume()
            consumer.resume_flow()
            await app._fetcher.maybe_start()
            self.tables.on_actives_ready()
            self.tables.on_standbys_ready()
            app.on_rebalance_end()
            app.shards.serving = True
            self.log.info("Worker ready with shards %s", sorted(app.shards.numbers))

    def again(self) -> None:
        """Throw the shards' state away, and take them over anew."""
        self._anew = True
        self.signal_recovery_start.set()

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Nothing: shards read their changelogs themselves."""

    @Service.task
    async def _publish_stats(self) -> None:
        """Nothing: there is no recovery of upstream's own."""


class TableManager(FaustTableManager):
    """Knows the tables, reads none of their changelogs."""

    _recovery: Takeover | None = None

    @property
    def recovery(self) -> Takeover:
        """What happens after a rebalance."""
        if self._recovery is None:
            self._recovery = Takeover(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Begin at once: upstream waits a second for tables to be declared."""
        await self._update_channels()
        await self.recovery.start()

    async def _update_channels(self) -> None:
        """Upstream subscribes to the changelogs here."""
        self._tables_finalized.set()
        self._tables_registered.set()
