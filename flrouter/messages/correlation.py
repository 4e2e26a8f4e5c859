"""Changing a message's correlation id and nothing else of it.

Every JSON value of a message that passes through must arrive byte for byte (protocol.md, 4.2), so
messages are never encoded anew: the id is replaced in the bytes.
"""

from __future__ import annotations

import re

import msgspec

_INDEX = re.compile(r"\s*[0-9]+\s*:\s*", re.ASCII)
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_correlation_id(data: bytes, new: str, *, old: str | None = None) -> bytes:
    """`data` under the correlation id `new`, in `message_id` too when that carries `old`.

    Args:
        data: a message that :func:`~flrouter.messages.envelope.decode` accepted.
        new: the id to give it.
        old: the id that it has, when it was decoded; lets `message_id` follow.
    """
    replacement = msgspec.json.encode(new)
    # An escape could spell the names in yet another way.
    if old is not None and (b"\\" not in data or b"\\u" not in data):
        parts = data.split(b'"correlation_id"')
        # There is an id, so the one place where the name stands is the top level.
        if len(parts) == 2 and b'"message_id"' not in data:
            before, after = parts
            between, found, rest = after.partition(b'"%b"' % old.encode())
            if found and between.strip() == b":":
                return b"".join((before, b'"correlation_id"', between, replacement, rest))
    members = _top_level.decode(data)
    values = {key: bytes(raw) for key, raw in members.items()}
    values["correlation_id"] = replacement
    if old is not None and "message_id" in values:
        message_id = msgspec.json.decode(values["message_id"])
        if isinstance(message_id, str) and message_id.endswith(old):
            index = message_id.removesuffix(old)
            if _INDEX.fullmatch(index):  # else it is another id that ends in the same letters
                values["message_id"] = msgspec.json.encode(index + new)
    return b"".join(
        (
            b"{",
            b",".join(msgspec.json.encode(key) + b":" + value for key, value in values.items()),
            b"}",
        )
    )


_LOOSE = {
    name: re.compile(rb'"' + name.encode() + rb'"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){0,1000}")')
    for name in ("correlation_id", "reply_to")
}


def salvage(data: bytes, name: str) -> str | None:
    """The string at `name` (`correlation_id` or `reply_to`) in a message that cannot be decoded.

    A best effort, so that the requester of a broken command can be told by its own id.
    """
    match = _LOOSE[name].search(data)
    if match is None:
        return None
    try:
        text = msgspec.json.decode(match[1])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return text if isinstance(text, str) and text else None
