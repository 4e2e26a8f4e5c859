"""Dead letters: records that nobody can use, kept with the reason (protocol.md, 3.4)."""

from __future__ import annotations

from flrouter.core.values.effects import Headers, Send, size_of
from flrouter.core.values.request import Origin
from flrouter.messages import headers as header

#: what is kept of a record that is too large.
HEAD_BYTES = 1_000
#: for the requester who waits for such a record.
HEAD_KEPT = f"The first {HEAD_BYTES:,} bytes are kept in the dead-letter topic."
#: characters of the reason.
MAX_REASON_CHARACTERS = 500


def unusable(
    origin: Origin, data: bytes, reason: str, headers: Headers, max_bytes: int, *, only_head: bool
) -> tuple[bytes, Headers]:
    """Value and headers of the letter for a record that cannot be used (protocol.md, 3.4).

    A record that is too large is cut to its head, and a header says how large it was. Its own
    headers are left out if they are too large as well.

    Args:
        origin: where the record was read.
        max_bytes: the largest letter.
        only_head: cut the record, whatever its size.
    """
    size: Headers = ()
    if size_of(headers) + len(data) > max_bytes:
        only_head = True
        headers = headers if size_of(headers) <= HEAD_BYTES else ()
    if only_head:
        size = ((header.SIZE, str(len(data)).encode()),)
        data = data[:HEAD_BYTES]
    said = (
        (header.REASON, reason[:MAX_REASON_CHARACTERS].encode("utf-8", "replace")),
        (header.TOPIC, origin.topic.encode()),
        (header.PARTITION, str(origin.partition).encode()),
        (header.OFFSET, str(origin.offset).encode()),
    )
    return data, (*(item for item in headers if not header.is_own(item[0])), *said, *size)


def unwritten(send: Send, why: str, topic: str) -> Send:
    """The letter with the head of a record of ours that the broker refuses (protocol.md, 4.2).

    Args:
        why: the broker's reason.
        topic: of dead letters.
    """
    value = send.value or b""
    said = (
        (header.REASON, why.encode()),
        (header.TOPIC, send.topic.encode()),
        (header.SIZE, str(len(value)).encode()),
    )
    return Send(topic, None, send.key, value[:HEAD_BYTES], said)
