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
        self.word, chosen = divmod(self.word, count)
        return chosen

    def one_in(self, count: int) -> bool:
        """True once in so many times."""
        self.word, chosen = divmod(self.word, count)
        return chosen == 0 and count > 0

    def choose(self, among: Sequence[T]) -> T:
        """One of these."""
        self.word, chosen = divmod(self.word, len(among))
        return among[chosen]


class Stream(Dice):
    """As much chance as is wanted, all of it from one word: for steps that do many things."""

    __slots__ = ()

    def _next(self) -> int:
        # Knuth's multiplier; the upper bits are the ones that are random.
        self.word = (self.word * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        return self.word >> 33

    def pick(self, count: int) -> int:
        """A number from 0 to `count` - 1."""
        return self._next() % count

    def one_in(self, count: int) -> bool:
        """True once in so many times."""
        return self._next() % count == 0

    def choose(self, among: Sequence[T]) -> T:
        """One of these."""
        return among[self._next() % len(among)]


class Calm(Dice):
    """Nothing is left to chance, and nothing goes wrong."""

    __slots__ = ()

    def pick(self, count: int) -> int:
        """The first."""
        return 0

    def one_in(self, count: int) -> bool:
        """Never."""
        return False

    def choose(self, among: Sequence[T]) -> T:
        """The first."""
        return among[0]
