"""Messages that are read and written in runs of numbers are what aiokafka makes of them."""

from __future__ import annotations

import random
import struct
from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Bytes, CompactBytes, Int64, Schema, String

from flrouter.runtime.schemas import messages, reader, speed_up, writer

KINDS = {message.__name__: message for message in messages()}


def some(kind: Any, chance: random.Random) -> Any:
    """A value of an aiokafka type."""
    if isinstance(kind, Schema):
        return tuple(some(field, chance) for field in kind.fields)
    if isinstance(kind, Array):
        count = chance.choice((None, 0, 1, 3))
        return None if count is None else [some(kind.array_of, chance) for _ in range(count)]
    if isinstance(kind, String):
        return chance.choice((None, "", "fl.a.write", "\N{LATIN SMALL LETTER E WITH ACUTE}"))
    if kind is Bytes:
        return chance.choice((None, b"", chance.randbytes(300)))
    if kind is Boolean:
        return chance.random() < 0.5
    bits = 8 * len(kind.encode(0))
    return chance.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1))


@pytest.mark.parametrize("name", KINDS)
def test_the_bytes_and_the_values_are_the_same(name: str) -> None:
    """For values of every shape; what follows in the buffer is left there."""
    schema, chance = KINDS[name].SCHEMA, random.Random(name)
    read, write = reader(schema), writer(schema)
    for _ in range(50):
        values = some(schema, chance)
        encoded = schema.encode(values)
        into: list[bytes] = []
        write(values, into)
        assert b"".join(into) == encoded
        assert read(b"xy" + encoded + b"z", 2) == (values, 2 + len(encoded))


def test_a_worker_uses_them() -> None:
    """Requests and responses as aiokafka itself makes and takes them."""
    speed_up()
    for message in KINDS.values():
        values = some(message.SCHEMA, random.Random(1))
        encoded = message.SCHEMA.encode(values)
        if issubclass(message, RequestStruct):
            assert message(*values).encode() == encoded
            assert message.encode is not RequestStruct.encode
        else:
            assert issubclass(message, Response)
            data = BytesIO(b"head" + encoded + b"tail")
            data.seek(4)
            assert message.decode(data) == message(*values)
            assert data.read() == b"tail"
            assert message.decode(encoded) == message(*values)


def test_a_message_that_is_cut_off_is_an_error() -> None:
    """As it is for aiokafka: never a value that was not sent."""
    schema = Schema(("a", Bytes), ("b", String("utf-8")), ("c", Int64))
    encoded = schema.encode((b"abc", "d", 5))
    for length in range(len(encoded)):
        with pytest.raises((ValueError, struct.error)):
            reader(schema)(encoded[:length], 0)


def test_other_types_are_refused() -> None:
    """A version of aiokafka with messages of another kind is seen when a worker starts."""
    with pytest.raises(TypeError, match="CompactBytes"):
        reader(Schema(("a", CompactBytes)))
    with pytest.raises(TypeError, match="CompactBytes"):
        writer(Schema(("a", CompactBytes)))
