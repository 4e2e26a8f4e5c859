"""The thresholds: what flrouter must show, and what came out."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

_FILE = Path(__file__).with_name("thresholds.toml")


class Verdict(Enum):
    """How a row came out."""

    GOAL = "goal reached"
    PASSED = "passed, goal not reached"
    FAILED = "FAILED"
    UNKNOWN = "not measured"


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure, the mark that it must not miss, and the goal."""

    text: str
    figure: str
    mark: float
    goal: float
    #: whether more is better: then the mark is an "at least", else an "at most".
    more: bool

    def judge(self, value: float | None) -> Verdict:
        """What `value` means for this row; None is a figure that this run does not have."""
        if value is None:
            return Verdict.UNKNOWN
        if self._reaches(value, self.goal):
            return Verdict.GOAL
        return Verdict.PASSED if self._reaches(value, self.mark) else Verdict.FAILED

    def _reaches(self, value: float, mark: float) -> bool:
        return value >= mark if self.more else value <= mark


@dataclasses.dataclass(frozen=True)
class Judged:
    """A row and what was measured."""

    row: Row
    value: float | None
    verdict: Verdict


def load(path: Path = _FILE) -> list[Row]:
    """The rows of `thresholds.toml`."""
    rows = tomllib.loads(path.read_text("utf-8"))["row"]
    return [
        Row(
            each["text"],
            each["figure"],
            each["at_least"] if "at_least" in each else each["at_most"],
            each["goal"],
            more="at_least" in each,
        )
        for each in rows
    ]


def judge(rows: Iterable[Row], figures: Mapping[str, float | None]) -> list[Judged]:
    """Each row with its figure and verdict."""
    values = [(row, figures.get(row.figure)) for row in rows]
    return [Judged(row, value, row.judge(value)) for row, value in values]


def failed(judged: Iterable[Judged]) -> list[Judged]:
    """Those below their mark."""
    return [each for each in judged if each.verdict is Verdict.FAILED]
