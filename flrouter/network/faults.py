"""What Faust gets wrong where it would make the view untrue or late, cured by its own means.

docs/faust.md has more, and the router's own cures; these are what a small application needs.
"""

from __future__ import annotations

from typing import Any, ClassVar

from faust.tables import recovery
from faust.tables.manager import TableManager as FaustTableManager
from faust.transport.drivers import aiokafka as driver

from flrouter.kafka.patches import repair


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Reads soon what was written, and nothing that a transaction took back."""

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        """Undo a fetch that outlives the flow: a rebalance has begun meanwhile.

        Upstream drops what it brought. Of a changelog that was to be restored nothing ever came
        then, and the worker waited for it for good.
        """
        records = await super()._fetch_records(*args, **kwargs)
        if self.consumer.flow_active:
            return records
        consumer = self._ensure_consumer()
        for tp, records_of_partition in records.items():
            consumer.seek(tp, records_of_partition[0].offset)
        return {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Upstream lets a fetch wait 1500 ms, for which the embedded broker keeps it waiting."""
        embedded = self.app.settings.embedded
        repair(embedded=embedded)
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = 25 if embedded else 100
        consumer._isolation_level = "read_uncommitted" if embedded else "read_committed"
        return consumer


class Consumer(driver.Consumer):
    """Faust's, with the thread above."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def verify_all_partitions_active(self) -> None:
        """Look at nothing: upstream wants the position of each partition for its log lines, and
        crashes where one is just being reset, as by the seek below.
        """

    async def perform_seek(self) -> None:
        """Read on from what was committed, and from the beginning where nothing was.

        Upstream leaves the latter where they are, behind records that it had fetched and dropped.
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
    """Faust's, with the consumer above."""

    Consumer: ClassVar[Any] = Consumer


class Recovery(recovery.Recovery):
    """After a rebalance, clear the queues while nothing is read.

    Upstream reads on while it seeks to where to begin and then clears the queues: what was read in
    between never reaches an agent, and nothing behind it is committed (F#596).
    """

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """The table is restored: let the records flow."""
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        await super().on_recovery_completed(generation_id)


class TableManager(FaustTableManager):
    """Faust's, with the recovery above."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """What happens after a rebalance."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
