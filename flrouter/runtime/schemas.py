"""Kafka's busiest messages, encoded and decoded a run of numbers at a time.

aiokafka walks its schemas number by number, at half a microsecond each. With many FLs a request has
hundreds of partitions of which most bring little, and that walk was a seventh of what a worker did
(docs/performance.md). The bytes are the same: `tests/runtime/test_schemas.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any

from aiokafka.protocol import commit, fetch, metadata, produce
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.struct import Struct
from aiokafka.protocol.types import Array, Boolean, Bytes, Int8, Int16, Int32, Int64, Schema, String

#: reads a value at an offset of a buffer; returns it, and the offset after it.
Read = Callable[[bytes, int], tuple[Any, int]]
#: appends a value's bytes.
Write = Callable[[Any, list[bytes]], None]

_NUMBERS = {Boolean: "?", Int8: "b", Int16: "h", Int32: "i", Int64: "q"}
_INT16 = struct.Struct(">h")
_INT32 = struct.Struct(">i")


def messages() -> list[type[Struct]]:
    """All versions of the messages that this is for."""
    return [
        message
        for module in (commit, fetch, metadata, produce)
        for message in vars(module).values()
        if isinstance(message, type) and "SCHEMA" in vars(message)
    ]


def speed_up() -> None:
    """Make this process encode and decode them so."""
    for message in messages():
        if issubclass(message, RequestStruct):
            message.encode = _encoder(message)
        elif issubclass(message, Response):
            message.decode = classmethod(_decoder(message.SCHEMA))


def _encoder(message: type[RequestStruct]) -> Callable[[Any], bytes]:
    names, write = message.SCHEMA.names, writer(message.SCHEMA)

    def encode(self: Any) -> bytes:
        into: list[bytes] = []
        values = vars(self)
        write([values[name] for name in names], into)
        return b"".join(into)

    return encode


def _decoder(schema: Schema) -> Callable[[type[Struct], BytesIO | bytes], Any]:
    read = reader(schema)

    def decode(cls: type[Struct], data: BytesIO | bytes) -> Any:
        if isinstance(data, bytes):
            data = BytesIO(data)
        values, end = read(data.getvalue(), data.tell())
        data.seek(end)
        return cls(*values)

    return decode


# -- reading ----------------------------------------------------------------------------------


def reader(kind: Any) -> Read:
    """What reads values of `kind`, one of aiokafka's types.

    It raises ValueError or struct.error when the buffer ends before the value does.

    Raises:
        TypeError: none of these messages has one.
    """
    if isinstance(kind, Schema):
        return _schema_reader(kind)
    if isinstance(kind, Array):
        return _array_reader(kind)
    if isinstance(kind, String):
        return _string_reader(kind.encoding)
    if kind is Bytes:
        return _read_bytes
    return _number_reader(_run([kind]))


def _schema_reader(schema: Schema) -> Read:
    steps = [
        (run.unpack_from, run.size, None) if run is not None else (None, 0, reader(field))
        for run, field in _steps(schema)
    ]

    def read(buffer: bytes, at: int) -> tuple[Any, int]:
        values: tuple[Any, ...] = ()
        for unpack, size, other in steps:
            if unpack is not None:
                values += unpack(buffer, at)
                at += size
            elif other is not None:
                value, at = other(buffer, at)
                values += (value,)
        return values, at

    return read


def _array_reader(array: Array) -> Read:
    read_item = reader(array.array_of)

    def read(buffer: bytes, at: int) -> tuple[Any, int]:
        (count,) = _INT32.unpack_from(buffer, at)
        at += 4
        if count < 0:
            return None, at
        items = []
        for _ in range(count):
            item, at = read_item(buffer, at)
            items.append(item)
        return items, at

    return read


def _string_reader(encoding: str) -> Read:
    def read(buffer: bytes, at: int) -> tuple[Any, int]:
        value, at = _slice(buffer, at + 2, *_INT16.unpack_from(buffer, at))
        return None if value is None else value.decode(encoding), at

    return read


def _read_bytes(buffer: bytes, at: int) -> tuple[Any, int]:
    return _slice(buffer, at + 4, *_INT32.unpack_from(buffer, at))


def _number_reader(run: struct.Struct) -> Read:
    def read(buffer: bytes, at: int) -> tuple[Any, int]:
        return run.unpack_from(buffer, at)[0], at + run.size

    return read


def _slice(buffer: bytes, at: int, length: int) -> tuple[bytes | None, int]:
    if length < 0:
        return None, at
    end = at + length
    if end > len(buffer):
        raise ValueError(f"{length} bytes at {at} of {len(buffer)}")
    return buffer[at:end], end


# -- writing ----------------------------------------------------------------------------------


def writer(kind: Any) -> Write:
    """What writes values of `kind`, one of aiokafka's types.

    It raises struct.error for a number that is too large.

    Raises:
        TypeError: none of these messages has one.
    """
    if isinstance(kind, Schema):
        return _schema_writer(kind)
    if isinstance(kind, Array):
        return _array_writer(kind)
    if isinstance(kind, String):
        return _string_writer(kind.encoding)
    if kind is Bytes:
        return _write_bytes
    pack = _run([kind]).pack
    return lambda value, into: into.append(pack(value))


def _schema_writer(schema: Schema) -> Write:
    steps = list(_steps(schema))
    if len(steps) == 1 and steps[0][0] is not None:
        pack = steps[0][0].pack
        return lambda values, into: into.append(pack(*values))
    taken = 0
    plan: list[tuple[Any, int, int, Any]] = []
    for run, field in steps:
        count = len(field) if run is not None else 1
        plan.append((run and run.pack, taken, taken + count, None if run else writer(field)))
        taken += count

    def write(values: Sequence[Any], into: list[bytes]) -> None:
        for pack, begin, end, other in plan:
            if pack is not None:
                into.append(pack(*values[begin:end]))
            else:
                other(values[begin], into)

    return write


def _array_writer(array: Array) -> Write:
    write_item = writer(array.array_of)

    def write(items: Sequence[Any] | None, into: list[bytes]) -> None:
        into.append(_INT32.pack(-1 if items is None else len(items)))
        for item in items or ():
            write_item(item, into)

    return write


def _string_writer(encoding: str) -> Write:
    def write(value: str | None, into: list[bytes]) -> None:
        data = b"" if value is None else value.encode(encoding)
        into += _INT16.pack(-1 if value is None else len(data)), data

    return write


def _write_bytes(value: bytes | None, into: list[bytes]) -> None:
    into += _INT32.pack(-1 if value is None else len(value)), value or b""


# -- numbers ----------------------------------------------------------------------------------


def _run(numbers: Sequence[Any]) -> struct.Struct:
    """Numbers that follow one another."""
    try:
        return struct.Struct(">" + "".join(_NUMBERS[each] for each in numbers))
    except KeyError as unknown:
        raise TypeError(f"no run of numbers with {unknown} in it") from None


def _steps(schema: Schema) -> Iterator[tuple[struct.Struct | None, Any]]:
    """A schema's fields in order: runs of numbers with their types, and each other field."""
    for are_numbers, fields in groupby(schema.fields, lambda field: field in _NUMBERS):
        if are_numbers:
            numbers = list(fields)
            yield _run(numbers), numbers
        else:
            yield from ((None, field) for field in fields)
