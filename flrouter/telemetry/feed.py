"""The last events in this worker's shards, for the dashboard."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import Annotated

import msgspec

from flrouter.core.values.effects import Effects
from flrouter.core.values.events import Event

#: events that are shown. Outages, their ends and refused moves have notes, which say more.
SHOWN_EVENTS = frozenset(
    {
        Event.DEAD_LETTERS,
        Event.LATE,
        Event.MOVES,
        Event.OFFLINE,
        Event.SYNCS,
        Event.SYNCS_FAILED,
        Event.UNMANAGED,
        Event.WRITE_ERRORS,
    }
)
#: the note of an outage, and its FL.
OUTAGE = re.compile(r"outage of floodlight (\S+): ")
#: of each kind: many of one kind leave room for the others.
MAX_HAPPENINGS = 12
#: ms; the same about the same within this time is one happening.
TOGETHER_MS = 10_000
#: characters of `FeedItem.about`.
MAX_ABOUT_CHARACTERS = 300

Number = Annotated[int, msgspec.Meta(ge=0)]


class FeedItem(msgspec.Struct, gc=False):
    """Something that happened, perhaps several times. Times are ms since the epoch."""

    #: counts this worker's happenings, in the order of `began`.
    number: Number
    #: when it happened first, and last.
    began: Number
    at: Number
    #: one of :data:`SHOWN_EVENTS`, or "note".
    what: str
    #: the FL or the topic, or the text of the note.
    about: str
    count: Number = 1

    @property
    def kind(self) -> str:
        """`what`, except that notes of outages are a kind of their own."""
        return "outage" if self.what == "note" and OUTAGE.match(self.about) else self.what


class Feed:
    """Keeps the last happenings of each kind."""

    def __init__(self) -> None:
        self._last: defaultdict[str, deque[FeedItem]] = defaultdict(
            lambda: deque(maxlen=MAX_HAPPENINGS)
        )
        self._number = 0

    def take(self, effects: Effects, now: int) -> None:
        """Keep what is shown of these effects, as of `now` (ms since the epoch)."""
        for text in effects.notes:
            self._add("note", text, 1, now)
        for (event, label), count in effects.counts.items():
            if event in SHOWN_EVENTS:
                self._add(event, label, count, now)

    def _add(self, what: str, about: str, count: int, now: int) -> None:
        about = about[:MAX_ABOUT_CHARACTERS]
        new = FeedItem(self._number + 1, now, now, what, about, count)
        kept = self._last[new.kind]
        for happening in reversed(kept):
            if happening.about == about and now - happening.began < TOGETHER_MS:
                happening.at = now
                happening.count += count
                return
        self._number += 1
        kept.append(new)

    def last(self) -> list[FeedItem]:
        """Those that are kept, of all kinds, oldest first."""
        happenings = [happening for kept in self._last.values() for happening in kept]
        return sorted(happenings, key=lambda happening: happening.number)
