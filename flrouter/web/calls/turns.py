"""Turns: going through large tables without blocking the event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

#: items of one turn: about a millisecond.
TURN_ITEMS = 4_000


def in_turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """`items` in parts, one for each turn of the event loop."""
    for at in range(0, len(items), TURN_ITEMS):
        yield items[at : at + TURN_ITEMS]
