"""Request numbers, and how a forwarded command's correlation id carries them.

A record that is delivered again is the same request, a correlation id that is sent again is a new
one. What an FL sees is::

    <requester's id> ~ <app> . <home> . <request number>
    op-17~9ab1c22f.5.1c0e55aa.3.40213

It is read from the right; a suffix that is not ours is part of the requester's id. Only the home
reads the number, so workers of another release may write theirs in another way.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import msgspec

SEPARATOR = "~"
#: before the number of a request whose answers are events, for which nobody waits.
_EVENTS = "events."


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a command was first read: the identity of its request (protocol.md, 4.5)."""

    topic: str
    partition: int
    offset: int

    @property
    def number(self) -> str:
        """The request number: unique within one Kafka cluster, the same at every delivery."""
        return f"{short(self.topic)}.{self.partition}.{self.offset}"

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read what `str` wrote. Raises ValueError for anything else."""
        topic, partition, offset = text.rsplit("/", 2)
        return cls(topic, int(partition), int(offset))


def topic_of(origin: str) -> str:
    """The topic of an origin in text form."""
    return origin.rsplit("/", 2)[0]


@lru_cache(10_000)  # bounded: a redelivered origin may name any topic
def short(text: str) -> str:
    """Eight hex digits that stand for a name in correlation ids."""
    return f"{crc32(text.encode()):08x}"


def read_number(text: str) -> int | None:
    """The number of up to 64 bits that `text` is, else None.

    An id may have thousands of digits in a number's place: `int` would raise for these.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


class Suffix(msgspec.Struct, frozen=True, gc=False):
    """What the suffix of a forwarded correlation id says."""

    original: str
    home: int
    number: str
    #: whether what comes under the id is an event.
    events: bool = False


class Suffixes:
    """Writes and reads the suffixes of one application (protocol.md, 2.5)."""

    def __init__(self, app_id: str, partitions: int) -> None:
        self._app = short(app_id)
        #: what is written for each home.
        self._homes = {str(home): home for home in range(partitions)}
        #: the last one read: an answer's suffix is read twice.
        self._last: tuple[str, Suffix | None] = ("", None)

    def add(self, original: str, home: int, number: str, *, events: bool = False) -> str:
        """The id that the FL sees."""
        number = f"{_EVENTS}{number}" if events else number
        return f"{original}{SEPARATOR}{self._app}.{home}.{number}"

    def read(self, correlation_id: str | None) -> Suffix | None:
        """What :meth:`add` put into `correlation_id`; None when the suffix is not ours."""
        if correlation_id is None:
            return None
        text, suffix = self._last
        if text is not correlation_id:
            suffix = self._read(correlation_id)
            self._last = (correlation_id, suffix)
        return suffix

    def _read(self, correlation_id: str) -> Suffix | None:
        original, separator, suffix = correlation_id.rpartition(SEPARATOR)
        if not separator:
            return None
        parts = suffix.split(".", 2)
        if len(parts) != 3 or parts[0] != self._app:
            return None
        home, number = self._homes.get(parts[1]), parts[2]
        if home is None:
            return None
        if number.startswith(_EVENTS):
            return Suffix(original, home, number.removeprefix(_EVENTS), events=True)
        return Suffix(original, home, number)
