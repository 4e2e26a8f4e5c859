"""Old-form chains: from the second link on, the FL makes up each link's correlation id.

The shard that expects a link registers the id in *that id's* home. A link with an unknown id goes
there too: whichever comes first waits for the other.
"""

from __future__ import annotations

from functools import partial

from flrouter.core.state.context import Context
from flrouter.core.values.effects import Headers, size_of
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Report
from flrouter.core.values.peers import LinkMissing, LinkWanted, NextLink
from flrouter.core.values.records import OldLink
from flrouter.messages import headers as header

#: links that may wait under one id; any more are duplicates.
MAX_ORPHANS = 4
#: bytes of such links in one shard, in multiples of the largest message.
MAX_ORPHANED_MESSAGES = 16
#: what a waiting link takes beside its own bytes.
ORPHAN_OVERHEAD_BYTES = 500
#: response timeouts for which an id is kept: all links of a long chain may come at once, and each
#: waits for those before it.
MAX_ORPHAN_WAITS = 3


class Links:
    """The ids of old-form links (protocol.md, 2.6) whose home this shard is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: bytes of links that wait until their request is known.
        self._orphaned = 0
        #: links without a request although everything that their FL wrote before was read.
        self._left_over: set[str] = set()

    def rebuild(self) -> None:
        """Arm the deadlines of the restored table."""
        for link_id, link in self._context.links.items():
            self._orphaned += _size(link)
            self._context.deadlines.add(link.due, "links", link_id)

    def rearm(self) -> None:
        """The clock went back: no id is kept longer than one that is heard of now."""
        context = self._context
        context.keep_no_longer(context.links, self._kept_until)

    @property
    def _kept_until(self) -> int:
        """Until when (ms) an id is kept that is heard of now."""
        return self._context.now + MAX_ORPHAN_WAITS * self._context.rules.response_timeout

    def expect(self, link_id: str, floodlight: str, number: str, due: int) -> None:
        """A chain of this shard goes on under `link_id`; the link is overdue at `due` (ms)."""
        context = self._context
        note = NextLink(link_id, floodlight, number, context.number, due)
        context.tell_home(link_id, note)

    def registered(self, note: NextLink) -> None:
        """The request that `link_id` belongs to is known."""
        context = self._context
        if note.owner >= context.rules.partitions:
            return  # there is no such partition: the record would be retried forever
        link = context.links.get(note.link_id)
        waiting = link.orphans if link is not None else []
        mine = [orphan for orphan in waiting if orphan[0] == note.floodlight]
        if mine:
            self._drop(note.link_id)
            _, data, headers = mine[0]
            self._deliver(note.owner, note.number, note.floodlight, data, headers)
            return
        link = OldLink(0, note.floodlight, note.number, note.owner, waiting)
        context.keep_until(context.links, note.link_id, link, self._kept_until)

    def wanted(self, note: LinkWanted) -> None:
        """A link is overdue. If it has come, it was sent on before this reply."""
        if note.owner < self._context.rules.partitions:
            self._context.tell(note.owner, LinkMissing(note.link_id, note.number))

    def came(self, report: Report, link_id: str) -> None:
        """A link with an unknown id."""
        context = self._context
        link = context.links.get(link_id)
        headers = ((header.ORIGIN, str(report.origin).encode()), *report.headers)
        if link is not None and link.number and link.floodlight == report.floodlight:
            self._drop(link_id)
            self._deliver(link.owner, link.number, link.floodlight, report.data, headers)
            return
        size = ORPHAN_OVERHEAD_BYTES + len(report.data) + size_of(headers)
        if self._orphaned + size > MAX_ORPHANED_MESSAGES * context.rules.max_message_bytes:
            context.count(Event.STRAY, report.floodlight)
            return
        if link is None:
            link = OldLink(self._kept_until, orphans=[])
            context.deadlines.add(link.due, "links", link_id)
        fits = not link.orphans or _size(link) + size <= context.rules.max_message_bytes
        if len(link.orphans) < MAX_ORPHANS and fits:  # in one record of the changelog
            self._orphaned -= _size(link)
            link.orphans.append((report.floodlight, report.data, headers))
            self._orphaned += _size(link)
            context.links.put(link_id, link)

    def _drop(self, link_id: str) -> None:
        link = self._context.links.drop(link_id)
        if link is not None:
            self._orphaned -= _size(link)

    def _deliver(
        self, owner: int, number: str, floodlight: str, data: bytes, headers: Headers
    ) -> None:
        own = ((header.FLOODLIGHT, floodlight.encode()), (header.NUMBER, number.encode()))
        self._context.pass_to(owner, "report", data, (*own, *headers))

    def expire(self, link_ids: list[str]) -> None:
        """The time of these ids is over, unless what was not read yet goes on with the chain."""
        context = self._context
        overdue: dict[str, list[tuple[str, int]]] = {}
        for link_id in link_ids:
            link = context.links.get(link_id)
            if link is not None and link.due <= context.now:
                floodlight = link.floodlight or next((orphan[0] for orphan in link.orphans), "")
                overdue.setdefault(floodlight, []).append((link_id, link.due))
        for floodlight, links in overdue.items():
            state = context.floodlights.get(floodlight)
            if state is not None and state.known:
                context.catch_up(floodlight, partial(self._came_late, links))
            else:
                self._forget(links)

    def _came_late(self, links: list[tuple[str, int]], _token: int) -> None:
        """All that lay unread was read: forget the ids whose time is still over."""
        self._forget([link for link in links if not self._keep(*link)])

    def _keep(self, link_id: str, due: int) -> bool:
        """Keep an id once more whose links wait: the links before them may have been read just now,
        and go to their own homes first.
        """
        context = self._context
        link = context.links.get(link_id)
        if link is None or link.due != due:
            return False
        if link.number or link_id in self._left_over:
            self._left_over.discard(link_id)
            return False
        self._left_over.add(link_id)
        context.keep_until(context.links, link_id, link, self._kept_until)
        return True

    def _forget(self, links: list[tuple[str, int]]) -> None:
        """Forget ids, and the links that nobody asked for."""
        for link_id, due in links:
            link = self._context.links.get(link_id)
            if link is not None and link.due == due:
                self._drop(link_id)
                for floodlight, _, _ in link.orphans:
                    self._context.count(Event.STRAY, floodlight)


def _size(link: OldLink) -> int:
    """The bytes of the links that wait under an id."""
    return sum(
        ORPHAN_OVERHEAD_BYTES + len(data) + size_of(headers) for _, data, headers in link.orphans
    )
