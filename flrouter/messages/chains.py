"""Chains: one answer in several messages, in OpenKilda's two forms (protocol.md, 2.6)."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from typing import Protocol

import msgspec

from flrouter.messages.envelope import Envelope

_MESSAGE_ID = re.compile(r"\s*([0-9]{1,9})\s*:\s*(.*)", re.ASCII | re.DOTALL)

#: links that a chain may have.
MAX_LINKS = 1_000_000_000


class Link(msgspec.Struct, frozen=True):
    """A link of the newer form; all links of a chain share a correlation id."""

    #: from 0; -1 in a chain that has no links at all.
    index: int
    total: int


class OldFormLink(msgspec.Struct, frozen=True):
    """A link of the older form; the next one has another correlation id."""

    #: the next link's correlation id; None at the end of the chain.
    next_id: str | None


class Progress(Protocol):
    """How far a chain of the newer form has come, kept by whoever follows it."""

    #: links of the chain; -1 until the first one came.
    total: int
    #: the first link that has not come.
    next_index: int
    #: links beyond that one that have come, in order.
    ahead: list[int]


class BadLink(ValueError):
    """A chunk that fits neither form; the text says what is wrong with it."""


def link_of(envelope: Envelope) -> Link | OldFormLink:
    """Which link of which form a `ChunkedInfoMessage` is (protocol.md, 2.6).

    Raises:
        BadLink: its `message_id` or `total_messages` is not valid.
    """
    total = envelope.total_messages
    if envelope.message_id is None and total is None:
        following = envelope.next_request_id
        return OldFormLink(following if following and following.strip() else None)
    if total is None or not 0 <= total <= MAX_LINKS:
        raise BadLink(f"total_messages is {total!r:.100}: expected a number from 0 to {MAX_LINKS}")
    if total == 0:
        return Link(-1, 0)
    match = _MESSAGE_ID.fullmatch(envelope.message_id or "")
    if match is None:
        raise BadLink(
            f'message_id is {envelope.message_id!r:.100}: expected "<index> : <correlation id>"'
        )
    index = int(match[1])
    if index >= total:
        raise BadLink(f"link {index} of a chain of {total}: indexes run from 0 to {total - 1}")
    return Link(index, total)


def has_come(progress: Progress, link: Link) -> bool:
    """Whether this link has come before, and so is ignored (protocol.md, 2.6)."""
    if link.index < progress.next_index:
        return link.index >= 0
    at = bisect_left(progress.ahead, link.index)
    return at < len(progress.ahead) and progress.ahead[at] == link.index


def follow(progress: Progress, link: Link) -> bool:
    """Note a link that has not come before; True if the chain is whole now (protocol.md, 2.6)."""
    progress.total = link.total
    if link.index < 0:
        return True
    if link.index != progress.next_index:
        insort(progress.ahead, link.index)
        return False
    progress.next_index += 1
    closed = 0
    for ahead in progress.ahead:
        if ahead != progress.next_index:
            break
        progress.next_index += 1
        closed += 1
    del progress.ahead[:closed]
    return progress.next_index == link.total
