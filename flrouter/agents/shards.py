"""Shards: what the shards say to each other, and the records that they send home."""

from __future__ import annotations

from typing import Any

import msgspec
from faust.types import TP

from flrouter.core import peers
from flrouter.core.inputs import Command, Garbled, Input, Report, Told
from flrouter.core.request import Origin
from flrouter.messages.envelope import Unreadable, decode
from flrouter.runtime.app import RouterApp


def register(app: RouterApp) -> None:
    """Read the shards' own topic and give each record to the shard of its partition."""
    shards = app.shards

    async def heard(fetched: Any) -> None:
        async for topic in fetched:
            for batch in topic:
                await shards.feed(batch, [read(batch.tp, record) for record in batch.records])

    app.agent(app.shards_topic, name="shards")(heard)


def read(at: TP, record: Any) -> Input:
    """What a record says; its headers tell how to read it."""
    own: dict[str, bytes] = {}
    headers = []
    for name, value in record.headers:
        if name.startswith("flrouter-"):
            if value is not None:
                own.setdefault(name, value)
        else:
            headers.append((name, value))
    data = record.value or b""
    here = Origin(at.topic, at.partition, record.offset)
    try:
        what = own.get("flrouter-what")
        if what == b"peer":
            return Told(peers.decode(data))
        origin = Origin.parse(own["flrouter-origin"].decode())
        if what == b"command":
            return Command(origin, data, decode(data), headers, at_home=True)
        if what == b"report":
            number = own.get("flrouter-number")
            return Report(
                own["flrouter-floodlight"].decode(),
                origin,
                data,
                decode(data),
                headers,
                at_home=True,
                number=number.decode() if number is not None else None,
            )
        fault = f"flrouter-what is {what!r}"
    except (Unreadable, msgspec.MsgspecError, KeyError, ValueError) as error:
        fault = repr(error)
    return Garbled(here, data, f"no record that a shard wrote: {fault}")
