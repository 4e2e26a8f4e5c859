"""Commands: what requesters send to the inbound topics."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from flrouter.core.values.inputs import Command
from flrouter.core.values.request import Origin
from flrouter.faust_side.app import RouterApp
from flrouter.kafka.cluster.directory import Directory
from flrouter.messages.correlation import salvage
from flrouter.messages.envelope import Unreadable, decode
from flrouter.ports import Partition
from flrouter.runtime.batch import Fetched


def register(app: RouterApp) -> None:
    """Read commands and give each to the shard of its partition."""
    directory, shards = app.shards.directory, app.shards

    async def commands(stream: AsyncIterable[Fetched]) -> None:
        async for fetched in stream:
            inputs = [
                [await read(at, record, directory) for record in records]
                for at, records, *_ in fetched.batches
            ]
            shards.feed(fetched, inputs)

    app.agent(app.commands_topic, name="commands")(commands)


async def read(at: Partition, record: Any, directory: Directory) -> Command:
    """The command in a record, and whether the topic for its answer exists (protocol.md, 4.2)."""
    data = record.value or b""
    origin = Origin(at.topic, at.number, record.offset)
    try:
        envelope = decode(data)
    except Unreadable as error:
        reply_to = salvage(data, "reply_to")
        command = Command(origin, data, None, record.headers, str(error))
    else:
        reply_to = envelope.reply_to
        command = Command(origin, data, envelope, record.headers)
    if reply_to:
        command.reply_exists = await directory.partitions(reply_to) is not None
    return command
