"""The members of JSON objects, as their original bytes.

msgspec reads nearly everything, and fast. But it refuses half a surrogate pair as an escape
(`"\\ud800"`), which JSON's grammar allows, and tells neither where a member stands nor that a name
occurs twice. For these there is a slower way.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    rb"|.)",
    re.DOTALL,
)
raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
raw_items = msgspec.json.Decoder(list[msgspec.Raw])
# Numbers are left as text: Python refuses those of thousands of digits.
_value = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,?[ \t\n\r]*")


def may_have_halves(data: bytes) -> bool:
    """Whether there may be half a surrogate pair in `data`."""
    return b"\\ud" in data or b"\\uD" in data


def readable(data: bytes, instead: bytes = rb"\ufffd") -> bytes:
    """`data` with `instead` in place of each half surrogate pair; its length stays the same."""
    return _ESCAPE.sub(lambda escape: instead if escape[1] else escape[0], data)


def decode(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """What `decoder` reads in `data`; half surrogate pairs are read as U+FFFD.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: as the decoder does.
    """
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError:
        if not may_have_halves(data := bytes(data)):
            raise
        return decoder.decode(readable(data))


#: where a value stands: its beginning and its end.
Span = tuple[int, int]


class Member(NamedTuple):
    """One member of an object: its name, and where in the bytes it and its value stand."""

    name: str
    start: int
    value: int
    end: int


def spans(data: bytes) -> list[Member]:
    """All members of the object `data` in their order, twice if the name occurs twice.

    Args:
        data: an object that could be decoded.
    """
    # One character per byte: what makes up JSON's structure is ASCII.
    text = data.decode("latin-1")
    all_members = []
    at = _after(_BLANK, text, text.index("{") + 1)
    while text[at] != "}":
        start = at
        _, at = _value(text, start)
        name = json.loads(data[start:at])
        value = _after(_BLANK, text, text.index(":", at) + 1)
        _, end = _value(text, value)
        all_members.append(Member(name, start, value, end))
        at = _after(_COMMA, text, end)
    return all_members


def places(data: bytes, offset: int = 0) -> dict[str, Span]:
    """Where the values stand of an object that begins at `offset`; of two of one name, the last."""
    return {name: (offset + at, offset + end) for name, _, at, end in spans(data)}


def members(data: bytes) -> dict[str, bytes]:
    """The value of each member of the object `data`; if a name occurs twice, the last.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is no object.
    """
    try:
        return {name: bytes(raw) for name, raw in raw_members.decode(data).items()}
    except msgspec.MsgspecError:
        decode(raw_members, data)  # raises if it is none
        return {name: data[value:end] for name, _, value, end in spans(data)}


def items(data: bytes) -> list[bytes]:
    """The items of the list `data`.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is no list.
    """
    try:
        return [bytes(raw) for raw in raw_items.decode(data)]
    except msgspec.MsgspecError:
        decode(raw_items, data)
    text = data.decode("latin-1")
    read = []
    at = _after(_BLANK, text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _value(text, at)
        read.append(data[at:end])
        at = _after(_COMMA, text, end)
    return read


def joined(parts: dict[str, bytes]) -> bytes:
    """The object with these members."""
    return b"{%b}" % b",".join(
        json.dumps(name).encode() + b":" + value for name, value in parts.items()
    )


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None
    return match.end()
