"""Chains put together: one answer in several messages, whatever way these arrive.

There are three forms (protocol.md, 2.6): links that are numbered, older ones of which each
names the next one's id, and dumps between two markers. What a reader makes of them is the same:
the payloads, in the chain's order, once all are there.
"""

from __future__ import annotations

from typing import NamedTuple

from flrouter.messages import names
from flrouter.messages.assembly import payload_of
from flrouter.messages.chains import BadLink, Link, OldLink, link_of
from flrouter.messages.envelope import Envelope, Form, form_of

#: the payloads that come between the markers of a dump.
_DUMPED = frozenset({names.DUMP_SWITCH, names.DUMP_PORT})
_MARKERS = frozenset({names.DUMP_BEGIN, names.DUMP_END})


class Chain(NamedTuple):
    """A complete chain."""

    #: the id of its first link, which tells it from all others.
    name: str
    #: the payloads in the chain's order, each as the JSON that stood there; none is null.
    entries: list[bytes]


def is_link(envelope: Envelope) -> bool:
    """Whether a message is part of a chain, in any of the forms."""
    form = form_of(envelope.clazz)
    return form is Form.CHUNK or (form is Form.INFO and envelope.kind in _DUMPED | _MARKERS)


class Assembler:
    """Puts any number of chains together side by side. Knows no clock: callers say what time it is.

    A chain of which nothing more comes is dropped, and its reader sees nothing of it.
    """

    def __init__(self, patience: int) -> None:
        """Args:
        patience: how long (ms) a chain may go without its next link; so long is a complete one
            remembered too, so that repetitions of its links do not begin it anew.
        """
        self._patience = patience
        #: by name: what came, and when the last of it did. No links: the chain was complete.
        self._chains: dict[str, tuple[_Links | None, int]] = {}

    def take(
        self, data: bytes, envelope: Envelope, now: int, name: str | None = None
    ) -> Chain | None:
        """Take a link; returns its chain when it was the last that was missing.

        Args:
            data: a message for which `is_link` is true.
            envelope: what :func:`flrouter.messages.envelope.decode` made of it.
            now: ms; of any clock that does not go back.
            name: the id of the chain's first link. Only links of the older form need it, for their
                own ids differ; flrouter makes it the key of all their records.

        Raises:
            BadLink: it cannot be a link, or not one of this chain; the chain stays as it was.
        """
        name = name or envelope.correlation_id or ""
        links, _ = self._chains.get(name, (_begin(envelope, name), 0))
        if links is None or not links.add(envelope, payload_of(data)):
            self._chains[name] = links, now
            return None
        self._chains[name] = None, now
        return Chain(name, [entry for entry in links.entries() if entry != b"null"])

    def drop_overdue(self, now: int) -> list[str]:
        """Forget the chains of which nothing came for too long; the names of incomplete ones."""
        overdue = [name for name, (_, last) in self._chains.items() if now - last > self._patience]
        return [name for name in overdue if self._chains.pop(name)[0] is not None]


def _begin(envelope: Envelope, name: str) -> _Links:
    if form_of(envelope.clazz) is not Form.CHUNK:
        return _Framed()
    link = link_of(envelope)
    return _Numbered(link.total) if isinstance(link, Link) else _Linked(name)


# What came of one chain so far: `add` takes a link and says whether the chain is complete with it,
# `entries` has the payloads of a complete chain, in order.


class _Numbered:
    """Links that share an id and say which of how many each is."""

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
    """Links of which each names the next one's id; the first has the chain's own."""

    def __init__(self, name: str) -> None:
        #: the payloads of the links up to which the chain can be followed, by their ids.
        self._followed: dict[str, bytes] = {}
        #: links that came before those that lead to them: payload, and the next one's id.
        self._ahead: dict[str, tuple[bytes, str | None]] = {}
        #: where the chain goes on; None when it was followed to its end.
        self._next: str | None = name

    def add(self, envelope: Envelope, payload: bytes) -> bool:
        link = link_of(envelope)
        if not isinstance(link, OldLink):
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
    """A dump between two markers. The router sends its end last; nothing else has an order."""

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
