"""Changes a message's correlation id and nothing else.

The rest must arrive byte for byte (protocol.md, 2.1 and 4.2). So messages are never encoded again:
the id is replaced in the bytes.
"""

from __future__ import annotations

import re

import msgspec

from flrouter.messages.members import Span, decode, places

_any = msgspec.json.Decoder()
_INDEX = re.compile(r"\s*[0-9]+\s*:\s*", re.ASCII)
_ID, _MESSAGE_ID = "correlation_id", "message_id"
#: an `AbstractMessage`, which has no payload, has its correlation id in its context.
_CONTEXT, _PAYLOAD = "message_context", "payload"
#: a string behind a name.
_STRING = re.compile(rb'\s*:\s*("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
#: how escapes begin that may spell letters of these names.
_LETTERS = (b"\\u005", b"\\u006", b"\\u007")


def with_correlation_id(
    data: bytes, new: str, *, old: str | None = None, message_id: str | None = None
) -> bytes:
    """`data` under the correlation id `new`, in `message_id` too when that carries `old`.

    All else stays byte for byte (protocol.md, 2.1). If a name occurs twice, the last one counts, as
    it does for readers of the message (protocol.md, 2.5).

    Args:
        data: a message that :func:`~flrouter.messages.envelope.decode` accepted.
        old: the id that it has, if known; lets `message_id` follow.
        message_id: the `message_id` that it has, if known, empty if it has none; makes the search
            faster.
    """
    replacement = msgspec.json.encode(new)
    own, numbered = _at_a_glance(data, old, message_id) or _by_members(data)
    start, end = own
    if start == end:  # there is none yet
        comma = b"" if data[end:].lstrip().startswith(b"}") else b","
        replacement = b'"correlation_id":%b%b' % (replacement, comma)
    if numbered is not None and old is not None:
        index = _index(data[slice(*numbered)], old)
        if index is not None:
            renumbered = (numbered, msgspec.json.encode(index + new))
            (first, one), (second, other) = sorted([(own, replacement), renumbered])
            between = data[first[1] : second[0]]
            return data[: first[0]] + one + between + other + data[second[1] :]
    return data[:start] + replacement + data[end:]


def _at_a_glance(
    data: bytes, old: str | None, message_id: str | None
) -> tuple[Span, Span | None] | None:
    """Where both ids stand, if that can be seen without reading the whole message.

    The message was decoded, so the name is in the right place. If there is only one place with that
    name, this is it.
    """
    if old is None or (data.find(b"\\") >= 0 and any(letter in data for letter in _LETTERS)):
        return None
    own = _only(data, b'"correlation_id"')
    if own is None:
        return None
    if message_id == "" or data.find(b'"message_id"') < 0:  # `in` looks for a number first
        return own, None
    numbered = _only(data, b'"message_id"') if message_id is not None else None
    return (own, numbered) if numbered is not None else None


def _only(data: bytes, name: bytes) -> Span | None:
    """Where the value of this name stands, if it is a string and the name occurs once."""
    at = data.find(name)
    if at < 0 or at != data.rfind(name):
        return None
    value = _STRING.match(data, at + len(name))
    return value.span(1) if value is not None else None


def _by_members(data: bytes) -> tuple[Span, Span | None]:
    """Where both ids stand in any message; an empty span: where a missing first one goes."""
    top = places(data)
    numbered = top.get(_MESSAGE_ID)
    start, end = top.get(_CONTEXT, (0, 0))
    abstract = data[start : start + 1] == b"{" and start > 0
    payload = top.get(_PAYLOAD)
    if abstract and (payload is None or data[slice(*payload)] == b"null"):
        data, top = data[start:end], places(data[start:end], start)
    else:
        start = 0
    brace = start + data.index(b"{") + 1
    return top.get(_ID, (brace, brace)), numbered


def _index(value: bytes, old: str) -> str | None:
    """What stands before `old` in a `message_id`; None: it carries another id."""
    message_id = decode(_any, value)
    if not isinstance(message_id, str) or not message_id.endswith(old):
        return None
    index = message_id.removesuffix(old)
    # A chain without links has the id alone.
    return index if (old and not index) or _INDEX.fullmatch(index) else None


_LOOSE = {
    name: re.compile(rb'"' + name.encode() + rb'"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){0,1000}")')
    for name in ("correlation_id", "reply_to")
}


def salvage(data: bytes, name: str) -> str | None:
    """The string at `name` (`correlation_id` or `reply_to`) in a message that cannot be decoded.

    A best effort, so that the error to a broken command carries the requester's own id
    (protocol.md, 4.2).
    """
    match = _LOOSE[name].search(data)
    if match is None:
        return None
    try:
        text = msgspec.json.decode(match[1])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return text if isinstance(text, str) and text else None
