"""The shards' own topic: anything may lie there, and no record of it may stop the reading."""

from __future__ import annotations

import msgspec

from flrouter.agents import shards
from flrouter.core.values import peers as notes
from flrouter.core.values.inputs import Command, Garbled, Report, Told
from flrouter.runtime.durability.formats import NewerFormat
from tests.fuzz import script
from tests.fuzz.field import PARTITIONS, Field, at


def shards_topic(data: bytes) -> None:
    """The reader only raises for a later format, and what else it cannot read it keeps whole."""
    for offset, part in enumerate(script.read(data)):
        record = part.record("flrouter-shards", 0, offset, 1)
        try:
            item = shards.read(at(record), record)
        except NewerFormat:
            continue
        assert isinstance(item, Command | Report | Told | Garbled)
        if isinstance(item, Garbled):
            assert item.data == (record.value or b"")
            assert item.fault.encode("utf-8", "replace")
        elif isinstance(item, Command | Report):
            assert item.data == record.value
            assert not any(name.startswith("flrouter-") for name, _ in item.headers)
            str(item.origin).encode()
            assert item.origin.parse(str(item.origin)) == item.origin


def peers(data: bytes) -> None:
    """Only MsgspecError comes out; what was read is written again alike, and no shard minds it."""
    try:
        note = notes.decode(data)
    except msgspec.MsgspecError:
        return
    assert notes.decode(notes.encode(note)) == note
    field = Field()
    for shard in range(PARTITIONS):
        field.give(shard, [Told(note)])
    for ms in (1_000, 20_000, 1_000_000):
        field.wait(ms)
    for shard in range(PARTITIONS):
        field.take_over(shard)
    field.wait(1_000_000)
