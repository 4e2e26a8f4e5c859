"""A topic that an administrator deletes, where brokers make topics by themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.producer import Link
from flrouter.kafka.writer import Writer
from flrouter.ports import OffsetRange, Partition, Written
from tests.kafka.cluster import Cluster
from tests.runtime.broker import settings
from tests.support.patience import HOPE

#: how often the writer tries to write to the topic before it is made again.
TRIES = 4


def test_a_writer_does_not_make_the_topic_that_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Brokers with Kafka's own defaults make each topic that is asked for by its name. With their
    default for partitions, too: shards would be gone for good.
    """
    real, tried = Link.deliver, asyncio.Semaphore(0)

    async def deliver(self: Link, batch: Any, at: Partition) -> int:
        tried.release()
        return await real(self, batch, at)

    with (
        Cluster(1, settings={"auto.create.topics.enable": "true"}) as cluster,
        KafkaAdminClient(bootstrap_servers=cluster.bootstrap) as admin,
    ):
        mine = settings(cluster.url, session_timeout=6.0)
        at = Partition(mine.shards_topic, 0)

        async def written(writer: Writer) -> Written:
            done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
            writer.write([Send(*at, b"k", b"v")], done.set_result)
            return await done

        async def main() -> None:
            await asyncio.to_thread(admin.create_topics, [NewTopic(at.topic, 4, 1)])
            async with Directory(mine, lambda *_: None, list) as directory:
                writer = Writer(mine, directory, lambda topic: True)
                writer.start()
                async with asyncio.timeout(60 * HOPE):
                    await written(writer)
                    await asyncio.to_thread(admin.delete_topics, [at.topic])
                    monkeypatch.setattr(Link, "deliver", deliver)
                    writing = asyncio.ensure_future(written(writer))
                    for _ in range(TRIES):
                        await tried.acquire()
                    assert at.topic not in await asyncio.to_thread(admin.list_topics)
                    await asyncio.to_thread(admin.create_topics, [NewTopic(at.topic, 4, 1)])
                    assert (await writing).ranges == {at: OffsetRange(0, 1, 1)}
                await writer.stop()

        asyncio.run(main())
