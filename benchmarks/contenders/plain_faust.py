"""Plain Faust: the routing as its user guide would have it, two agents and one table.

faust -A benchmarks.contenders.plain_faust worker
"""

from __future__ import annotations

from typing import Any

import faust

from benchmarks.contenders.wire import decode, floodlight_of, is_ack
from benchmarks.layout import from_environment

layout = from_environment()
app = faust.App(
    layout.name,
    broker=[f"kafka://{server}" for server in layout.broker.split(",")],
    store="memory://",
    topic_partitions=layout.partitions,
    value_serializer="raw",
    web_enabled=False,
)
inbound = app.topic(layout.inbound)
reads = [app.topic(name) for name in layout.read_topics]
writes = app.topic(*layout.write_topics)
answers = app.topic(layout.answers)
#: correlation id → [FL, whether it has acknowledged]; its changelog is JSON, Faust's default.
pending = app.Table("pending", partitions=layout.partitions, value_type=list)


@app.agent(inbound)
async def commands(stream: Any) -> None:
    """Remember each command, and send it to the FL of its switch."""
    async for event in stream.events():
        message = decode(event.value)
        floodlight = floodlight_of(message, len(reads))
        pending[message.correlation_id] = [floodlight, False]
        await reads[floodlight].send(key=event.key, value=event.value)


@app.agent(writes)
async def reports(stream: Any) -> None:
    """Note each acknowledgement; send each answer on, once."""
    async for event in stream.events():
        message = decode(event.value)
        waiting = pending.get(message.correlation_id)
        if waiting is None:
            continue
        if is_ack(message):
            pending[message.correlation_id] = [waiting[0], True]
        else:
            await answers.send(key=event.key, value=event.value)
            del pending[message.correlation_id]
