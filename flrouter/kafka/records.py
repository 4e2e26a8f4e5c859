"""Records as librdkafka gives them, and headers as it can take them."""

from __future__ import annotations

from typing import Any, NamedTuple

from flrouter.core.values.effects import Headers


class Record(NamedTuple):
    """A record that was read."""

    offset: int
    #: ms since the epoch.
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def record_of(message: Any) -> Record:
    """A record of confluent-kafka's message, which must not be asked for its headers again."""
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):
        # A name is no UTF-8: librdkafka's Python half can give none of the headers then.
        headers = None
    return Record(
        message.offset(), message.timestamp()[1], message.key(), message.value(), headers or ()
    )


def as_headers(headers: Headers) -> list[tuple[str, str | bytes | None]] | None:
    """Headers for `produce`, which takes no names that UTF-8 cannot say: it would crash."""
    if not headers:
        return None
    return [
        (name if name.isascii() else name.encode("utf-8", "replace").decode(), value)
        for name, value in headers
    ]
