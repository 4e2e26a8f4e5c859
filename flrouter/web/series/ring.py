"""A ring: rows of numbers, one for each step of the last hour, in memory of a fixed size."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

#: ms; the step of one row.
STEP_MS = 10_000
#: rows: an hour.
STEPS = 360
_LARGEST = (1 << 32) - 1


class Ring:
    """Keeps the rows of the last :data:`STEPS` steps, 4 bytes a number."""

    def __init__(self, columns: int) -> None:
        """Args:
        columns: how many numbers a row has.
        """
        self._columns = columns
        self._rows = array("I", bytes(4 * STEPS * columns))
        #: the step of each row.
        self._steps = array("q", [-1] * STEPS)

    def put(self, step: int, row: Sequence[int]) -> None:
        """Keep the row of a step; numbers that are too large become the largest that fits."""
        at = step % STEPS
        self._steps[at] = step
        numbers = array("I", (min(max(number, 0), _LARGEST) for number in row))
        self._rows[at * self._columns : (at + 1) * self._columns] = numbers

    def get(self, step: int) -> Sequence[int] | None:
        """The row of a step; None if there is none, or none any more."""
        at = step % STEPS
        if self._steps[at] != step:
            return None
        return self._rows[at * self._columns : (at + 1) * self._columns]
