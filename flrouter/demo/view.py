"""The display while the demo runs: a live table in a terminal, else a line every second."""

from __future__ import annotations

import sys
from typing import NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flrouter.demo.traffic.ledger import Ledger


class FloodlightRow(NamedTuple):
    """The figures of one FL at one moment."""

    name: str
    state: str
    switches: int
    #: per second.
    commands: float
    answers: float
    #: messages that came after their deadline and were dropped.
    late: int


class Figures(NamedTuple):
    """The figures of the whole demo at one moment."""

    #: s since the first command was sent; None before.
    elapsed: float | None
    floodlights: list[FloodlightRow]
    #: how many shards each worker owns.
    shards: list[int]
    ledger: Ledger
    #: per second.
    sending: float
    answering: float


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


class Lines:
    """The display for a file, a pipe, or CI."""

    #: s between two showings.
    every = 1.0

    def say(self, text: str) -> None:
        """Tell what happened."""
        print(text, flush=True)

    def show(self, figures: Figures) -> None:
        """Print a line."""
        rows = figures.floodlights
        floodlights = "  ".join(f"{row.name} {row.state} {row.switches}" for row in rows)
        if figures.elapsed is None:
            print(f"starting  shards {figures.shards}  {floodlights}", flush=True)
            return
        ledger = figures.ledger
        print(
            f"{figures.elapsed:5.1f} s  sent {ledger.sent} ({figures.sending:.0f}/s)"
            f"  answered {ledger.answered} ({figures.answering:.0f}/s)"
            f"  pending {ledger.unanswered}  errors {ledger.errors.total()}"
            f"  p50 {_ms(ledger.percentile(0.5))}  p99 {_ms(ledger.percentile(0.99))}"
            f"  {floodlights}",
            flush=True,
        )

    def close(self) -> None:
        """Do nothing: all lines are printed."""


class Screen:
    """The display for a terminal."""

    #: s between two showings.
    every = 0.25

    def __init__(self) -> None:
        self._live = Live(console=Console(), auto_refresh=False)
        self._live.start()

    def say(self, text: str) -> None:
        """Tell what happened, above the table."""
        self._live.console.print(text, highlight=False)

    def show(self, figures: Figures) -> None:
        """Draw the table anew."""
        table = Table(title="flrouter demo", title_justify="left")
        for name in ("floodlight", "state"):
            table.add_column(name)
        for name in ("switches", "commands/s", "answers/s", "late, dropped"):
            table.add_column(name, justify="right")
        for row in figures.floodlights:
            table.add_row(
                row.name,
                Text(row.state, "green" if row.state == "up" else "bold red"),
                *(str(row.switches), f"{row.commands:.0f}", f"{row.answers:.0f}", str(row.late)),
            )
        shards = enumerate(figures.shards, 1)
        workers = ", ".join(f"worker-{number} {count}" for number, count in shards)
        lines = [f"shards     {workers}"]
        if figures.elapsed is not None:
            ledger = figures.ledger
            errors = ", ".join(f"{name} {count}" for name, count in ledger.errors.items())
            lines += [
                f"time       {figures.elapsed:.1f} s",
                f"commands   {ledger.sent} sent ({figures.sending:.0f}/s),"
                f" {ledger.answered} answered ({figures.answering:.0f}/s),"
                f" {ledger.unanswered} pending, {ledger.duplicates} answered twice",
                f"latency    p50 {_ms(ledger.percentile(0.5))}, p99 {_ms(ledger.percentile(0.99))}",
                f"errors     {errors or 'none'}",
            ]
        self._live.update(Group(table, Text("\n".join(lines))), refresh=True)

    def close(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()


#: shows the figures, and announces events.
View = Lines | Screen


def view() -> View:
    """The display that fits stdout."""
    return Screen() if sys.stdout.isatty() else Lines()
