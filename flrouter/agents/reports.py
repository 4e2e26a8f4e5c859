"""Reports: what the FLs write."""

from __future__ import annotations

from typing import Any

from faust.types import TP

from flrouter.core.inputs import Report
from flrouter.core.request import Origin
from flrouter.messages.envelope import Unreadable, decode
from flrouter.runtime.app import RouterApp


def register(app: RouterApp) -> None:
    """Read what FLs write and give each record to the shard of its partition."""
    settings, shards = app.settings, app.shards

    async def reports(fetched: Any) -> None:
        async for topic in fetched:
            # An FL is known by its write topic, never by a field in a message.
            floodlight = settings.fl_topics.writer_of(topic[0].tp.topic) or ""
            for batch in topic:
                await shards.feed(
                    batch, [read(batch.tp, record, floodlight) for record in batch.records]
                )

    app.agent(app.reports_topic, name="reports")(reports)


def read(at: TP, record: Any, floodlight: str) -> Report:
    """What a record of `floodlight` says."""
    data = record.value or b""
    origin = Origin(at.topic, at.partition, record.offset)
    try:
        return Report(floodlight, origin, data, decode(data), record.headers)
    except Unreadable as error:
        return Report(floodlight, origin, data, None, record.headers, str(error))
