"""Fixes for bugs of Faust that would make the view wrong or late, by subclassing alone.

A small application needs only these. docs/faust.md lists the others, which the router fixes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from faust.tables import recovery
from faust.tables.manager import TableManager as FaustTableManager
from faust.transport.drivers import aiokafka as driver

from flrouter.kafka.patches import repair


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches with short waits, and skips the records of aborted transactions."""

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        """Fetch, and seek back if a rebalance stopped the flow during the fetch.

        Upstream drops the fetched records without seeking back. If they belonged to a changelog
        being restored, the worker waited for them forever.
        """
        records = await super()._fetch_records(*args, **kwargs)
        if self.consumer.flow_active:
            return records
        consumer = self._ensure_consumer()
        for tp, records_of_partition in records.items():
            consumer.seek(tp, records_of_partition[0].offset)
        return {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Shorten the wait of a fetch.

        Upstream allows 1500 ms. The embedded broker always takes the whole wait.
        """
        embedded = self.app.settings.embedded
        repair(embedded=embedded)
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = 25 if embedded else 100
        consumer._isolation_level = "read_uncommitted" if embedded else "read_committed"
        return consumer


class Consumer(driver.Consumer):
    """Faust's consumer, with `ConsumerThread`."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def verify_all_partitions_active(self) -> None:
        """Do nothing.

        Upstream asks for the position of each partition, only to log it. It crashes if a position
        is being reset, as after `perform_seek`.
        """

    async def perform_seek(self) -> None:
        """Seek to the committed offset of each partition, or to its beginning if there is none.

        Upstream leaves partitions without a committed offset where they are. That position may be
        behind records that were fetched and dropped.
        """
        await super().perform_seek()
        begin = {
            driver.ensure_aiokafka_TP(tp)
            for tp in self.assignment()
            if self._read_offset[tp] is None and not self._is_changelog_tp(tp)
        }
        if begin:
            await self._thread.seek_to_beginning(*begin)


class Transport(driver.Transport):
    """Faust's transport, with `Consumer`."""

    Consumer: ClassVar[Any] = Consumer


class Recovery(recovery.Recovery):
    """After a rebalance, pause reading while the queues are cleared.

    Upstream seeks to the committed offsets and then clears the queues, but keeps reading meanwhile.
    Records read in between never reach an agent, and no later offset is committed (F#596).
    """

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """The table is restored: pause, then let upstream resume the flow."""
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        await super().on_recovery_completed(generation_id)


class TableManager(FaustTableManager):
    """Faust's table manager, with `Recovery`."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """The service that restores tables after a rebalance."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
