"""Commands: what requesters send to the inbound topics."""

from __future__ import annotations

from typing import Any

from faust.types import TP

from flrouter.core.inputs import Command
from flrouter.core.request import Origin
from flrouter.messages.correlation import salvage
from flrouter.messages.envelope import Unreadable, decode
from flrouter.runtime.app import RouterApp
from flrouter.runtime.directory import Directory


def register(app: RouterApp) -> None:
    """Read commands and give each to the shard of its partition."""
    directory, shards = app.shards.directory, app.shards

    async def commands(fetched: Any) -> None:
        async for topic in fetched:
            for batch in topic:
                inputs = [await read(batch.tp, record, directory) for record in batch.records]
                await shards.feed(batch, inputs)

    app.agent(app.commands_topic, name="commands")(commands)


async def read(at: TP, record: Any, directory: Directory) -> Command:
    """What a record says, and whether the topic exists that it wants its answer on."""
    data = record.value or b""
    origin = Origin(at.topic, at.partition, record.offset)
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
