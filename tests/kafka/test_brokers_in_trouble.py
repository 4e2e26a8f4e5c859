"""What workers ask brokers that are not all well, or in the middle of something."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiokafka
import pytest

from flrouter.kafka.replay import ends
from flrouter.ports import Partition
from flrouter.runtime import topics
from flrouter.runtime.membership import Membership
from flrouter.runtime.topics import NoLeader, of_router, provide
from tests.kafka.cluster import Cluster
from tests.runtime.broker import settings
from tests.support.patience import HOPE


def test_what_a_transaction_has_written_counts_before_its_end(cluster: Cluster) -> None:
    """A deadline waits for an answer of an FL whose transaction is under way."""
    mine = settings(cluster.url, replication=3, guarantee="exactly_once")
    at = Partition(mine.fl_topics.written_by("fl-1")[0], 0)
    provide(mine, [topics.Wanted(at.topic, exact=True)])

    async def main() -> None:
        floodlight = aiokafka.AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap, transactional_id=mine.app_id
        )
        async with floodlight:
            await floodlight.begin_transaction()
            await floodlight.send_and_wait(at.topic, b"an answer", partition=0)
            assert await asyncio.to_thread(ends, mine, [at]) == {at: 1}
            await floodlight.commit_transaction()
            # The marker too: who has read the answer has passed it.
            while await asyncio.to_thread(ends, mine, [at]) != {at: 2}:
                await asyncio.sleep(0.05)

    asyncio.run(main())


class Heard(logging.Handler):
    """Waits for what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        """Remember it."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, record.getMessage())

    async def wait(self, text: str) -> None:
        """Return when this was logged."""
        async with asyncio.timeout(60 * HOPE):
            while text not in await self._queue.get():
                pass


def test_a_worker_waits_for_a_partition_that_nobody_leads(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts when the broker is back, and until then says what is missing."""
    monkeypatch.setattr(topics, "APPEARANCE", 1.0)
    mine: Any = settings(cluster.url, replication=1, floodlights="fl-1")
    provide(mine, of_router(mine))

    async def main() -> list[str]:
        heard = Heard()
        logging.getLogger("flrouter.runtime.membership").addHandler(heard)
        cluster.stop(3)
        starting = asyncio.ensure_future(Membership(None, mine).prepare())
        try:
            await heard.wait(NoLeader.__name__)
            assert not starting.done()
        finally:
            await asyncio.to_thread(cluster.restart, 3)
            logging.getLogger("flrouter.runtime.membership").removeHandler(heard)
        async with asyncio.timeout(60 * HOPE):
            return await starting

    assert asyncio.run(main()) == ["fl-1"]
