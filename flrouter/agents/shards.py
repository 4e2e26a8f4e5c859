"""Shards: the messages between shards, and records forwarded to their home shard."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import msgspec

from flrouter.core.values import peers
from flrouter.core.values.inputs import Command, Garbled, Input, Report, Told
from flrouter.core.values.request import Origin, read_number
from flrouter.faust_side.app import RouterApp
from flrouter.messages import headers as header
from flrouter.messages.envelope import Unreadable, decode
from flrouter.ports import Partition
from flrouter.runtime.batch import Fetched
from flrouter.runtime.durability.formats import NewerFormat

#: format of the records between shards. A later format is named after a slash, as in `peer/2`.
#: A shard writes a later format only when every worker of the group can read it.
FORMAT = 1


def register(app: RouterApp) -> None:
    """Read the shards' own topic and give each record to the shard of its partition."""
    shards = app.shards

    async def heard(stream: AsyncIterable[Fetched]) -> None:
        async for fetched in stream:
            try:
                inputs = [
                    [read(at, record) for record in records] for at, records, *_ in fetched.batches
                ]
            except NewerFormat as error:
                shards.outdated(error)
            else:
                shards.feed(fetched, inputs)

    app.agent(app.shards_topic, name="shards")(heard)


def read(at: Partition, record: Any) -> Input:
    """The input in a record, in the format that the record's headers name.

    Raises:
        NewerFormat: only a later release can read the record.
    """
    own: dict[str, bytes] = {}
    headers = []
    for name, value in record.headers:
        if header.is_own(name):
            if value is not None:
                own.setdefault(name, value)
        else:
            headers.append((name, value))
    data = record.value or b""
    here = Origin(at.topic, at.number, record.offset)
    try:
        kind = own.get(header.WHAT, b"")
        if b"/" in kind:
            version = read_number(kind.partition(b"/")[2].decode())
            if version is not None and version > FORMAT:
                raise NewerFormat(f"{at} holds records", version, FORMAT)
        if kind == b"peer":
            return Told(peers.decode(data))
        origin = Origin.parse(own[header.ORIGIN].decode())
        if kind == b"command":
            return Command(origin, data, decode(data), headers)
        if kind == b"report":
            number = own.get(header.NUMBER)
            return Report(
                own[header.FLOODLIGHT].decode(),
                origin,
                data,
                decode(data),
                headers,
                number=number.decode() if number is not None else None,
            )
        fault = f"{header.WHAT} is {kind!r}"
    except (Unreadable, msgspec.MsgspecError, KeyError, ValueError) as error:
        fault = repr(error)
    return Garbled(here, data, f"no record that a shard wrote: {fault}")
