"""What happened last in this worker's shards, for people who look."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import Annotated

import msgspec

from flrouter.core.values.effects import Effects

#: what is counted in the core and worth telling; of outages, their ends and refused moves there
#: are notes, which say more.
TOLD_EVENTS = frozenset(
    {
        "dead_letters",
        "late",
        "moves",
        "offline",
        "syncs",
        "syncs_failed",
        "unmanaged",
        "write_errors",
    }
)
#: the note of an outage, and whose.
OUTAGE = re.compile(r"outage of floodlight (\S+): ")
#: of each kind, so that much of one leaves room for the others.
MAX_HAPPENINGS = 12
#: ms; the same about the same, within so long, is told as one.
TOGETHER_MS = 10_000
#: characters of what it is about.
MAX_ABOUT_CHARACTERS = 300

Number = Annotated[int, msgspec.Meta(ge=0)]


class Happening(msgspec.Struct, gc=False):
    """Something that happened, perhaps several times. Times are ms since the epoch."""

    #: of this worker's, in the order in which they began.
    number: Number
    #: when it happened first, and last.
    began: Number
    at: Number
    #: one of :data:`TOLD`, or "note".
    what: str
    #: the FL or the topic, or the text of the note.
    about: str
    count: Number = 1

    @property
    def kind(self) -> str:
        """What takes no place from others: `what`, but notes of outages are a kind of their own."""
        return "outage" if self.what == "note" and OUTAGE.match(self.about) else self.what


class Feed:
    """Keeps the last happenings of each kind."""

    def __init__(self) -> None:
        self._last: defaultdict[str, deque[Happening]] = defaultdict(
            lambda: deque(maxlen=MAX_HAPPENINGS)
        )
        self._number = 0

    def take(self, effects: Effects, now: int) -> None:
        """Note what of these effects is worth telling, as of `now`."""
        for text in effects.notes:
            self._add("note", text[:MAX_ABOUT_CHARACTERS], 1, now)
        for (event, label), count in effects.counts.items():
            if event in TOLD_EVENTS:
                self._add(event, label[:MAX_ABOUT_CHARACTERS], count, now)

    def _add(self, what: str, about: str, count: int, now: int) -> None:
        new = Happening(self._number + 1, now, now, what, about, count)
        kept = self._last[new.kind]
        for happening in reversed(kept):
            if happening.about == about and now - happening.began < TOGETHER_MS:
                happening.at = now
                happening.count += count
                return
        self._number += 1
        kept.append(new)

    def last(self) -> list[Happening]:
        """Those that are kept, of all kinds, oldest first."""
        happenings = [happening for kept in self._last.values() for happening in kept]
        return sorted(happenings, key=lambda happening: happening.number)
