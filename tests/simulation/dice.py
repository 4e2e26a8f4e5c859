"""The randomness of one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """All that one step leaves to chance, taken bit by bit from one random word.

    A run is a list of such words. Any of them can be left out and the others still mean what they
    did, which is what makes a failing run shrink.
    """

    __slots__ = ("word",)

    def __init__(self, word: int = 0) -> None:
        self.word = word

    def pick(self, count: int) -> int:
        """A number from 0 to `count` - 1."""
        self.word, found = divmod(self.word, count)
        return found

    def one_in(self, count: int) -> bool:
        """True once in so many times."""
        self.word, found = divmod(self.word, count)
        return found == 0 and count > 0

    def choose(self, among: Sequence[T]) -> T:
        """One of these."""
        self.word, found = divmod(self.word, len(among))
        return among[found]
