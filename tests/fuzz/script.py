"""Inputs of several parts, as text that people can read and a fuzzer can cut and splice.

Parts are divided by a line of `%%`. A part is a line of words, then a record's headers as
`name=value` lines (without `=` the value is null), then, after an empty line, the record's value.
Every input is a script: what makes no sense is read as something that does.
"""

from __future__ import annotations

from typing import NamedTuple

DIVIDER = b"\n%%\n"
#: parts that are read; the fuzzer need not look for the bug that takes a thousand.
MAX_PARTS = 24


class Record(NamedTuple):
    """What the readers use of aiokafka's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int


class Part(NamedTuple):
    """One part of a script."""

    words: list[str]
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None

    @property
    def verb(self) -> str:
        """The first word's first letter, which says what the part is."""
        return self.words[0][:1] if self.words else ""

    def number(self, at: int, below: int) -> int:
        """Word `at` as a number from 0 to below `below`; 0 when it is none."""
        word = self.words[at] if at < len(self.words) else ""
        return int(word) % below if word.isascii() and word.isdigit() and len(word) < 20 else 0

    def record(self, topic: str, partition: int, offset: int, now: int) -> Record:
        """It as a record at this place."""
        return Record(topic, partition, offset, self.value, self.headers, now)


def read(data: bytes) -> list[Part]:
    """The parts of `data`."""
    return [_part(text) for text in data.split(DIVIDER)[:MAX_PARTS]]


def write(*parts: tuple[str, bytes | None]) -> bytes:
    """The script of these parts: what stands before the empty line, and the record's value."""
    return DIVIDER.join(
        head.encode() + (b"" if value is None else b"\n\n" + value) for head, value in parts
    )


def _part(text: bytes) -> Part:
    head, divided, value = text.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    headers = []
    for line in lines:
        name, has_value, content = line.partition(b"=")
        # aiokafka itself refuses names that are not UTF-8.
        headers.append((name.decode("utf-8", "replace"), content if has_value else None))
    return Part(
        first.decode("utf-8", "replace").split(), tuple(headers), value if divided else None
    )
