"""Reports: what the FLs write."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from flrouter.core.values.inputs import Report
from flrouter.core.values.request import Origin
from flrouter.faust_side.app import RouterApp
from flrouter.messages.envelope import Unreadable, decode
from flrouter.ports import Partition
from flrouter.runtime.batch import Fetched


def register(app: RouterApp) -> None:
    """Read what FLs write and give each record to the shard of its partition."""
    settings, shards = app.settings, app.shards

    async def reports(stream: AsyncIterable[Fetched]) -> None:
        async for fetched in stream:
            # The write topic identifies the FL; no field of a message does.
            floodlight = settings.fl_topics.writer_of(fetched.batches[0].at.topic) or ""
            inputs = [
                [read(at, record, floodlight) for record in records]
                for at, records, *_ in fetched.batches
            ]
            shards.feed(fetched, inputs)

    app.agent(app.reports_topic, name="reports")(reports)


def read(at: Partition, record: Any, floodlight: str) -> Report:
    """The report in a record that `floodlight` wrote, which its topic says (protocol.md, 3.1)."""
    data = record.value or b""
    origin = Origin(at.topic, at.number, record.offset)
    try:
        return Report(floodlight, origin, data, decode(data), record.headers)
    except Unreadable as error:
        return Report(floodlight, origin, data, None, record.headers, str(error))
