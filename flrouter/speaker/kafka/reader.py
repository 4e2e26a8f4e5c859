"""Reading the commands: every partition of the read topics, from where the last run stopped.

Partitions are assigned by hand, because one FL is one process and reads them all. The consumer
group only keeps the position. The position is committed about every second, for all commands that
were *read*. If the process dies after a commit, the commands in flight are not executed by the next
process; the router tells their requesters. Commands read after the last commit may be read, and
executed, again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from flrouter.clock import now_ms
from flrouter.kafka.patches import repair
from flrouter.retry import Backoff, Reminder
from flrouter.speaker.kafka.connection import FIRST_PAUSE_S, LONGEST_PAUSE_S, Connection, insist

log = logging.getLogger(__name__)

_COMMIT_INTERVAL_S = 1.0
_COMMIT_TIMEOUT_S = 2.0
#: records taken at once: enough for good batches, but few enough (some 50 ms) to let others run.
_MAX_BATCH_RECORDS = 2000


class CatchUp:
    """Notices when everything that lies in the topics now has been read.

    The ends come from the high watermarks of fetches after the start, which are right on every
    broker. The embedded broker answers a request for the latest offset wrongly.
    """

    def __init__(self, consumer: Any, partitions: list[Any], stable: bool) -> None:
        self._last_poll_ms = consumer.last_poll_timestamp
        self._position = consumer.position
        self._end_of = consumer.last_stable_offset if stable else consumer.highwater
        self._since_ms = now_ms()
        self._ends: dict[Any, int | None] = dict.fromkeys(partitions)

    async def done(self) -> bool:
        """Whether every partition has been read up to its end."""
        self._since_ms = min(self._since_ms, now_ms())  # the wall clock may step back
        for partition, noted in list(self._ends.items()):
            end = noted
            if end is None and (self._last_poll_ms(partition) or 0) >= self._since_ms:
                end = self._ends[partition] = self._end_of(partition)
            if end is not None and await self._position(partition) >= end:
                del self._ends[partition]
        return not self._ends


class Reader(Service):  # type: ignore[misc]  # mode's types do not hold under --strict
    """Hands over what was read, in batches; the order within a partition is Kafka's."""

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        partitions: int,
        receive: Callable[[list[Any]], None],
        room: Callable[[], Awaitable[None]],
        **kwargs: Any,
    ) -> None:
        """Args:
        partitions: of each topic.
        receive: gets each batch of consumer records, empty ones included.
        room: awaited after each batch; reading stops until it returns.
        """
        self._connection = connection
        self._partitions = [
            TopicPartition(topic, number) for topic in topics for number in range(partitions)
        ]
        self._receive = receive
        self._room = room
        self._consumer: Any = None
        self._catch_up: CatchUp | None = None
        super().__init__(**kwargs)

    @property
    def catching_up(self) -> bool:
        """Whether records that existed when catching up began may still be unread."""
        return self._catch_up is not None

    def catch_up(self) -> None:
        """Begin to catch up (again)."""
        self._catch_up = CatchUp(self._consumer, self._partitions, not self._connection.embedded)

    def cut(self) -> None:
        """Read nothing until `restore`, as if the network were gone."""
        self._open.clear()

    def restore(self) -> None:
        """End a `cut`."""
        self._open.set()

    async def on_start(self) -> None:
        """Connect, and begin to read."""
        self._open = asyncio.Event()
        self._open.set()
        repair(embedded=self._connection.embedded)
        self._consumer = AIOKafkaConsumer(**self._connection.consumer)
        self._consumer.assign(self._partitions)
        await insist(self._consumer.start, f"cannot read from {self._partitions[0].topic}")
        self.catch_up()
        self.add_future(self._read())
        self.add_future(self._commit())

    async def on_shutdown(self) -> None:
        """Commit the position, unless the FL is cut off, and disconnect."""
        if self._open.is_set():
            await self._keep_position()
        await self._consumer.stop()

    async def _read(self) -> None:
        backoff, reminder = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), Reminder()
        while not self.should_stop:
            await self._open.wait()
            wait_ms = 20 if self._catch_up is not None else 500
            try:
                batches = await self._consumer.getmany(
                    timeout_ms=wait_ms, max_records=_MAX_BATCH_RECORDS
                )
            except KafkaError as error:
                if reminder.is_due():
                    log.warning("reading from %s failed: %r", self._partitions[0].topic, error)
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            await self._open.wait()  # records of a cut are not handed over
            if self._catch_up is not None and await self._catch_up.done():
                self._catch_up = None
            self._receive([record for records in batches.values() for record in records])
            await self._room()
            await asyncio.sleep(0)  # getmany does not yield while it has records left

    async def _commit(self) -> None:
        while not self.should_stop:
            await asyncio.sleep(_COMMIT_INTERVAL_S)
            if self._open.is_set():
                await self._keep_position()

    async def _keep_position(self) -> None:
        try:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await self._consumer.commit()
        except (KafkaError, TimeoutError) as error:
            log.warning("the position was not committed: %r", error)
