"""What workers ask brokers that are not all well, or in the middle of something."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from unittest.mock import AsyncMock, Mock

import aiokafka
import pytest

from flrouter.clock import SystemClock
from flrouter.kafka.cluster import directory, topics
from flrouter.kafka.cluster.topics import of_router, provide
from flrouter.runtime.log import KafkaLog
from flrouter.runtime.membership import Membership
from flrouter.runtime.ownership.catch_ups import CatchUps
from flrouter.runtime.rules import rules_of
from flrouter.runtime.shards import TICK_S
from tests.kafka.cluster import Cluster
from tests.runtime.broker import settings
from tests.support.patience import HOPE


def test_what_a_transaction_has_written_counts_before_its_end(cluster: Cluster) -> None:
    """A deadline waits for an answer of an FL whose transaction is under way."""
    mine = settings(cluster.url, replication=3, guarantee="exactly_once")
    topic = mine.fl_topics.written_by("fl-1")[0]
    provide(mine, [*of_router(mine), topics.Wanted(topic, exact=True)])

    async def main() -> None:
        read = 0
        nobody: Any = None
        log = KafkaLog(mine, nobody, nobody, nobody, nobody)
        catch_ups = CatchUps(
            nobody,
            log,
            rules_of(mine),
            lambda at: 0 if at.number else read,
            lambda _: 4,
            SystemClock(),
        )
        caught_up = asyncio.Event()

        async def tick() -> None:
            while not caught_up.is_set():
                await asyncio.sleep(TICK_S)
                catch_ups.tick()

        floodlight = aiokafka.AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap, transactional_id=mine.app_id
        )
        async with floodlight:
            await floodlight.begin_transaction()
            await floodlight.send_and_wait(topic, b"an answer", partition=0)
            catch_ups.ask(0, "fl-1", caught_up.set)
            look = asyncio.ensure_future(tick())
            assert not (await asyncio.wait([look], timeout=1.0))[0]
            await floodlight.commit_transaction()
            assert not (await asyncio.wait([look], timeout=1.0))[0]
            read = 2  # the marker too
            async with asyncio.timeout(10 * HOPE):
                await look

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
    monkeypatch.setattr(topics, "APPEARANCE_TIMEOUT_S", 1.0)
    mine: Any = settings(cluster.url, replication=1, floodlights="fl-1")
    provide(mine, of_router(mine))

    async def main() -> list[str]:
        heard = Heard()
        logging.getLogger("flrouter.runtime.membership").addHandler(heard)
        cluster.stop(3)
        starting = asyncio.ensure_future(Membership(mine, Mock(), AsyncMock()).prepare())
        try:
            await heard.wait("without a leader")
            assert not starting.done()
        finally:
            await asyncio.to_thread(cluster.restart, 3)
            logging.getLogger("flrouter.runtime.membership").removeHandler(heard)
        async with asyncio.timeout(60 * HOPE):
            return await starting

    assert asyncio.run(main()) == ["fl-1"]


def test_a_directory_asks_another_broker_when_one_is_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It chooses one at random; none of 30 looks fails, and nothing is logged."""
    monkeypatch.setattr(directory, "WATCH_INTERVAL_S", 0.02)
    mine = settings(cluster.url, replication=3)
    provide(mine, of_router(mine))
    looks = 0
    enough = asyncio.Event()

    def watched() -> list[str]:
        nonlocal looks
        looks += 1
        if looks > 60:  # each asks twice which topics there are
            enough.set()
        return [mine.shards_topic]

    async def main() -> None:
        async with directory.Directory(mine, lambda *_: None, watched) as looking:
            cluster.kill(3)
            async with asyncio.timeout(60 * HOPE):
                await enough.wait()
            assert looking.known(mine.shards_topic) == mine.partitions

    asyncio.run(main())
    assert [line for line in caplog.records if "topics" in line.getMessage()] == []
