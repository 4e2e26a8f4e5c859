"""What lies in a producer when its shards may be somebody else's does not go out."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from aiokafka.producer.sender import Sender, SendProduceReqHandler

from flrouter.core.effects import Send
from flrouter.runtime.directory import Directory
from flrouter.runtime.gate import Shut
from flrouter.runtime.topics import Wanted, provide
from flrouter.runtime.writer import Writer
from tests.runtime.broker import settings
from tests.support.clients import read_all


@pytest.mark.broker
def test_nothing_goes_out_that_may_not(broker_url: str) -> None:
    """It has failed at once, and a new producer writes when it may again."""
    mine = settings(broker_url)
    topic = mine.shards_topic
    provide(mine, [Wanted(topic, exact=True)])
    allowed = False

    async def main() -> None:
        nonlocal allowed
        directory = Directory(mine)
        writer = Writer(mine, directory, may_write=lambda: allowed)
        async with directory, writer:
            refused = await writer.write([Send(topic, 0, b"k", b"frozen")])
            assert len(refused.failed) == 1
            assert isinstance(refused.reason, Shut)
            allowed = True
            await writer.replace(writer.producer)
            assert not (await writer.write([Send(topic, 0, b"k", b"thawed")])).failed
            writer.abandon()
            assert len((await writer.write([Send(topic, 0, b"k", b"let go")])).failed) == 1
            await writer.replace(writer.producer)
            assert not (await writer.write([Send(topic, 0, b"k", b"owned anew")])).failed

    asyncio.run(main())
    records = read_all(broker_url.partition("://")[2], [topic])
    assert [record.value for record in records] == [b"thawed", b"owned anew"]


def test_aiokafkas_producer_sends_as_the_gate_assumes() -> None:
    """Through its client's `send`; what fails there for good is told, and not tried again."""
    assert "await self._client.send(node_id, request)" in inspect.getsource(
        SendProduceReqHandler.do
    )
    assert "self._client = sender.client" in inspect.getsource(SendProduceReqHandler.__init__)
    assert "self.client = client" in inspect.getsource(Sender.__init__)
