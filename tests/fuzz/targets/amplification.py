"""Bytes in against bytes out: no record makes the router write more than is documented."""

from __future__ import annotations

import msgspec

from flrouter.core.state.rules import MAX_GROWTH
from flrouter.core.values import peers
from flrouter.core.values.effects import Effects, Send, size_of
from flrouter.core.values.inputs import Command, Garbled, Input, Report, Told
from tests.fuzz import script
from tests.fuzz.field import PARTITIONS, RULES, Field
from tests.fuzz.targets.shard import play, prelude

#: what one record makes the router write at most, in multiples of MAX_MESSAGE_BYTES
#: (docs/guarantees.md): in the batch that it is read in, and in all that follow from it. Of a list
#: these are its parts on the way to their homes, to their FLs, and as they end.
AT_ONCE, IN_ALL = MAX_GROWTH + 8, 3 * MAX_GROWTH
#: what the router adds to a record on its way, for which brokers must have room.
ADDED = 10_000

_encode = msgspec.msgpack.Encoder().encode


class Scales(Field):
    """A field on which all is weighed."""

    def __init__(self) -> None:
        self.records = 0
        self.read = self.wrote = 0
        super().__init__()

    def _decided(self, batch: list[Input], effects: Effects) -> None:
        own = sum(_weight(item) for item in batch)
        out = sum(_size(send) for send in effects.sends)
        self.read += own
        self.wrote += out
        limit = AT_ONCE * max(RULES.max_message_bytes, own)
        if len(batch) == 1:
            assert out <= limit, f"{own} bytes became {out}: {batch[0]!r:.500}"
        for send in effects.sends:
            size = _size(send)
            assert size <= RULES.max_message_bytes + ADDED, f"{size} bytes: {send!r:.500}"


def amplification(data: bytes) -> None:
    """Neither one record, nor all that follow from it, become more than is documented."""
    field = Scales()
    prelude(field)
    parts = script.read(data)
    before = field.wrote
    play(field, parts)
    for _ in range(8):
        field.wait(4_000)
    for number in range(PARTITIONS):
        field.take_over(number)
    allowed = IN_ALL * max(RULES.max_message_bytes, sum(len(part.value or b"") for part in parts))
    spent = field.wrote - before
    assert spent <= allowed * (len(parts) + 1), f"{len(parts)} records became {spent} bytes"


def _weight(item: Input) -> int:
    if isinstance(item, Command | Report):
        return len(item.data) + size_of(item.headers)
    if isinstance(item, Told):
        return len(peers.encode(item.peer))
    return len(item.data) if isinstance(item, Garbled) else 0


def _size(send: Send) -> int:
    return len(send.value or b"") + len(send.key or b"") + size_of(send.headers)
