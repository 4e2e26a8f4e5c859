"""Trace context: the W3C's `traceparent` header, which says to whose trace a record belongs.

flrouter passes it on: from a command to its FL, and back with the answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from flrouter.messages.headers import TRACE

_FORM = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)


class Trace(msgspec.Struct, frozen=True, gc=False):
    """What a `traceparent` says."""

    #: 32 and 16 hex digits.
    trace_id: str
    parent_id: str
    sampled: bool


def read(value: bytes | None) -> Trace | None:
    """What the header `value` says; None if it is malformed, which W3C Trace Context ignores."""
    match = _FORM.fullmatch(value) if value is not None and len(value) < 256 else None
    if match is None or match[1] == b"ff" or (match[1] == b"00" and len(value or b"") != 55):
        return None
    if not match[2].strip(b"0") or not match[3].strip(b"0"):
        return None
    return Trace(match[2].decode(), match[3].decode(), bool(int(match[4], 16) & 1))


def found_in(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """The `traceparent` among record headers; empty if there is none."""
    for name, value in headers:
        if name == TRACE:
            return value or b""
    return b""


def span_id(text: str) -> str:
    """The id of the one span that belongs to `text`, always the same."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def continued(trace: Trace, parent_id: str) -> bytes:
    """The header for what happens within the span `parent_id`."""
    return f"00-{trace.trace_id}-{parent_id}-{trace.sampled:02x}".encode()
