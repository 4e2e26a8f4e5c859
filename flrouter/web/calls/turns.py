"""Turns: going through large tables without keeping the event loop for long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

#: items that are looked at before others get their turn: about a millisecond.
TURN_ITEMS = 4_000


def in_turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """So many of `items` at a time that looking at them takes no time to speak of."""
    for at in range(0, len(items), TURN_ITEMS):
        yield items[at : at + TURN_ITEMS]
