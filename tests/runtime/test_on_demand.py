"""Fetching on demand, from a real broker."""

from __future__ import annotations

import asyncio

import aiokafka
import pytest

from flrouter.runtime.clients import connection, reader
from flrouter.runtime.on_demand import OnDemand
from tests.runtime.broker import settings
from tests.support.clients import create_topics
from tests.support.patience import HOPE

pytestmark = pytest.mark.broker


def test_nothing_is_fetched_that_nobody_wants(broker_url: str) -> None:
    """What was written meanwhile then comes all at once."""
    given = settings(broker_url)
    topic = f"{given.app_id}.t"
    create_topics(broker_url, {topic: 1})

    async def run() -> list[list[bytes]]:
        tp = aiokafka.TopicPartition(topic, 0)
        found = []
        async with (
            aiokafka.AIOKafkaProducer(**connection(given)) as producer,
            reader(given) as consumer,
        ):
            consumer.assign([tp])
            fetches = OnDemand(consumer._fetcher)
            for round_ in range(3):
                for number in range(3):
                    await producer.send_and_wait(topic, b"%d.%d" % (round_, number))
                assert not consumer._fetcher._records
                with fetches.wanted():
                    records = await consumer.getmany(tp, timeout_ms=int(10_000 * HOPE))
                found.append([record.value for record in records[tp]])
                await asyncio.sleep(0)  # the fetcher sees that there is room again
        return found

    assert asyncio.run(run()) == [[b"%d.%d" % (r, n) for n in range(3)] for r in range(3)]
