"""A consumer closes also while a fetch that failed waits to be tried again."""

from __future__ import annotations

import asyncio

import aiokafka
import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import NodeNotReadyError

from flrouter.kafka.cluster.clients import connection
from flrouter.kafka.patches import _close, _close_whole
from tests.runtime.broker import settings
from tests.support.clients import create_topics

pytestmark = pytest.mark.broker


async def close_after_a_failed_fetch(broker_url: str) -> None:
    """Close while the only fetch waits, as it does after its broker was killed."""
    found = settings(broker_url)
    topic = found.inbound_topics[0]
    create_topics(",".join(found.bootstrap_servers), {topic: 1})
    consumer = aiokafka.AIOKafkaConsumer(**connection(found), retry_backoff_ms=600_000)
    await consumer.start()
    failed = asyncio.Event()

    async def send(*args: object, **more: object) -> object:
        failed.set()
        raise NodeNotReadyError

    consumer.assign([aiokafka.TopicPartition(topic, 0)])
    await consumer.position(aiokafka.TopicPartition(topic, 0))
    consumer._client.send = send
    await failed.wait()
    try:
        await consumer.stop()
    finally:
        await consumer._client.close()


def test_a_failed_fetch_does_not_keep_a_consumer_from_closing(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes it goes on after that."""
    monkeypatch.setattr(fetcher.Fetcher, "close", _close_whole)
    asyncio.run(close_after_a_failed_fetch(broker_url))


def test_the_repair_is_needed(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, aiokafka does it by itself."""
    monkeypatch.setattr(fetcher.Fetcher, "close", _close)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(close_after_a_failed_fetch(broker_url))
