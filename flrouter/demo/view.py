"""What people see while the demo runs: a live table in a terminal, else a line every second."""

from __future__ import annotations

import dataclasses
import sys
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text


@dataclasses.dataclass(frozen=True)
class FloodlightRow:
    """One FL, now."""

    name: str
    state: str
    well: bool
    switches: int
    #: per second.
    commands: float
    answers: float
    #: what it said too late, and was dropped.
    late: int


@dataclasses.dataclass(frozen=True)
class Figures:
    """The whole demo, now."""

    #: s since commands are sent; None before.
    elapsed: float | None
    floodlights: list[FloodlightRow]
    #: how many shards each worker owns.
    shards: list[int]
    sent: int
    answered: int
    #: per second.
    sending: float
    answering: float
    pending: int
    errors: dict[str, int]
    duplicates: int
    p50: float | None
    p99: float | None


class View(Protocol):
    """Shows figures and says what happens."""

    #: s between two showings.
    every: float

    def say(self, text: str) -> None:
        """Something happened."""

    def show(self, figures: Figures) -> None:
        """The figures have changed."""

    def close(self) -> None:
        """There is nothing more to show."""


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _errors(figures: Figures) -> str:
    return ", ".join(f"{name} {count}" for name, count in figures.errors.items()) or "none"


class Lines:
    """For a file, a pipe, or CI."""

    every = 1.0

    def say(self, text: str) -> None:
        """A line."""
        print(text, flush=True)

    def show(self, figures: Figures) -> None:
        """A line."""
        floodlights = "  ".join(
            f"{row.name} {row.state} {row.switches}" for row in figures.floodlights
        )
        if figures.elapsed is None:
            print(f"starting  shards {figures.shards}  {floodlights}", flush=True)
            return
        print(
            f"{figures.elapsed:5.1f} s  sent {figures.sent} ({figures.sending:.0f}/s)"
            f"  answered {figures.answered} ({figures.answering:.0f}/s)"
            f"  pending {figures.pending}  errors {sum(figures.errors.values())}"
            f"  p50 {_ms(figures.p50)}  p99 {_ms(figures.p99)}  {floodlights}",
            flush=True,
        )

    def close(self) -> None:
        """Nothing: all has been said."""


class Screen:
    """For people."""

    every = 0.25

    def __init__(self) -> None:
        self._live = Live(console=Console(), auto_refresh=False)
        self._live.start()

    def say(self, text: str) -> None:
        """A line above the table, which stays."""
        self._live.console.print(text, highlight=False)

    def show(self, figures: Figures) -> None:
        """Draw anew."""
        table = Table(title="flrouter demo", title_justify="left")
        for name in ("floodlight", "state"):
            table.add_column(name)
        for name in ("switches", "commands/s", "answers/s", "late, dropped"):
            table.add_column(name, justify="right")
        for row in figures.floodlights:
            table.add_row(
                row.name,
                Text(row.state, "green" if row.well else "bold red"),
                str(row.switches),
                f"{row.commands:.0f}",
                f"{row.answers:.0f}",
                str(row.late),
            )
        workers = ", ".join(
            f"worker-{number} {shards}" for number, shards in enumerate(figures.shards, 1)
        )
        lines = [f"shards     {workers}"]
        if figures.elapsed is not None:
            lines += [
                f"time       {figures.elapsed:.1f} s",
                f"commands   {figures.sent} sent ({figures.sending:.0f}/s),"
                f" {figures.answered} answered ({figures.answering:.0f}/s),"
                f" {figures.pending} pending, {figures.duplicates} answered twice",
                f"latency    p50 {_ms(figures.p50)}, p99 {_ms(figures.p99)}",
                f"errors     {_errors(figures)}",
            ]
        self._live.update(Group(table, Text("\n".join(lines))), refresh=True)

    def close(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()


def view() -> View:
    """The one that fits stdout."""
    return Screen() if sys.stdout.isatty() else Lines()
