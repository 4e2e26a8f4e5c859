"""Puts chains together: one answer in several messages, in whatever order they arrive.

A chain has one of three forms (protocol.md, 2.6). Its links are numbered; or, in the older form,
each link names the id of the next; or a dump stands between two markers. The result is always the
same: the payloads, in the chain's order, once all of them are there.
"""

from __future__ import annotations

from typing import NamedTuple

from flrouter.messages import names
from flrouter.messages.assembly import payload_of
from flrouter.messages.chains import BadLink, Link, OldFormLink, link_of
from flrouter.messages.envelope import Envelope, Form, form_of

#: kinds of payloads between the markers of a dump.
_DUMPED = frozenset({names.DUMP_SWITCH, names.DUMP_PORT})
_MARKERS = frozenset({names.DUMP_BEGIN, names.DUMP_END})


class Chain(NamedTuple):
    """A complete chain."""

    #: the id of the first link; it identifies the chain.
    name: str
    #: the payloads in the chain's order, each as the JSON that was received; none is null.
    entries: list[bytes]


def is_link(envelope: Envelope) -> bool:
    """Whether a message is part of a chain, in any of the forms (protocol.md, 2.6)."""
    form = form_of(envelope.clazz)
    return form is Form.CHUNK or (form is Form.INFO and envelope.kind in _DUMPED | _MARKERS)


class Assembler:
    """Puts any number of chains together side by side. Callers pass the time: it has no clock.

    A chain that stays incomplete is dropped, and its reader gets none of it (protocol.md, 6.1).
    """

    def __init__(self, patience: int) -> None:
        """Args:
        patience: ms that a chain may wait for its next link. A complete chain is remembered as
            long, so that duplicates of its links do not begin a new chain.
        """
        self._patience = patience
        #: name → the links so far (None once the chain is complete), and when the last one came.
        self._chains: dict[str, tuple[_Links | None, int]] = {}

    def take(
        self, data: bytes, envelope: Envelope, now: int, name: str | None = None
    ) -> Chain | None:
        """Take a link; returns the chain if this link completes it.

        Args:
            data: a message for which `is_link` is true.
            envelope: what :func:`flrouter.messages.envelope.decode` made of it.
            now: ms, by any clock that does not go back.
            name: the id of the chain's first link. Only links of the older form need it, because
                each has another id. flrouter makes the name the key of all their records.

        Raises:
            BadLink: the message is no link, or no link of this chain; the chain stays unchanged.
        """
        name = name or envelope.correlation_id or ""
        links, _ = self._chains.get(name, (_begin(envelope, name), 0))
        if links is None or not links.add(envelope, payload_of(data)):
            self._chains[name] = links, now
            return None
        self._chains[name] = None, now
        return Chain(name, [entry for entry in links.entries() if entry != b"null"])

    def drop_overdue(self, now: int) -> list[str]:
        """Forget chains without a recent link at `now` (ms); returns the incomplete ones' names."""
        overdue = [name for name, (_, last) in self._chains.items() if now - last > self._patience]
        return [name for name in overdue if self._chains.pop(name)[0] is not None]


def _begin(envelope: Envelope, name: str) -> _Links:
    if form_of(envelope.clazz) is not Form.CHUNK:
        return _Framed()
    link = link_of(envelope)
    return _Numbered(link.total) if isinstance(link, Link) else _Linked(name)


# The links of one chain so far. `add` takes a link and says whether it completes the chain;
# `entries` has the payloads of a complete chain, in order.


class _Numbered:
    """Links that share an id; each has its index and the total number of links."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._payloads: dict[int, bytes] = {}

    def add(self, envelope: Envelope, payload: bytes) -> bool:
        link = link_of(envelope)
        if not isinstance(link, Link) or link.total != self._total:
            raise BadLink(f"{link} in a chain of {self._total}")
        if link.index >= 0:
            self._payloads.setdefault(link.index, payload)
        return len(self._payloads) == self._total

    def entries(self) -> list[bytes]:
        return [self._payloads[index] for index in range(self._total)]


class _Linked:
    """Links that each name the id of the next link; the first link's id is the chain's name."""

    def __init__(self, name: str) -> None:
        #: link id → payload, from the first link up to the first missing one.
        self._followed: dict[str, bytes] = {}
        #: links behind a missing one: link id → payload, and the id of the next link.
        self._ahead: dict[str, tuple[bytes, str | None]] = {}
        #: id of the first missing link; None when no link is missing.
        self._next: str | None = name

    def add(self, envelope: Envelope, payload: bytes) -> bool:
        link = link_of(envelope)
        if not isinstance(link, OldFormLink):
            raise BadLink(f"{link} in a chain of the older form")
        name = envelope.correlation_id or ""
        if name not in self._followed:
            self._ahead.setdefault(name, (payload, link.next_id))
        while self._next in self._ahead:
            name = self._next
            self._followed[name], self._next = self._ahead.pop(name)
        return self._next is None

    def entries(self) -> list[bytes]:
        return list(self._followed.values())


class _Framed:
    """A dump between two markers. Of its messages, only the end has a place: it comes last."""

    def __init__(self) -> None:
        self._begun = False
        self._payloads: list[bytes] = []

    def add(self, envelope: Envelope, payload: bytes) -> bool:
        if envelope.kind == names.DUMP_BEGIN:
            self._begun = True
        elif envelope.kind == names.DUMP_END:
            return self._begun
        else:
            self._payloads.append(payload)
        return False

    def entries(self) -> list[bytes]:
        return self._payloads


_Links = _Numbered | _Linked | _Framed
