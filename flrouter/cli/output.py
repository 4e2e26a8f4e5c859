"""The output of commands: tables for people, JSON for programs, progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

#: width of the output to a pipe. No row is wider: readers of a pipe need whole lines.
_PIPE_COLUMNS = 2_000
#: replaces control characters: shown text may come from anybody, and must not move the cursor.
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�")


#: `--json`: the parameter `as_json` says whether it was given.
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


def console(*, stderr: bool = False) -> Console:
    """A console that neither colours nor wraps its output to a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def plain(value: object) -> str:
    """`value` as text without control characters."""
    return str(value).translate(_CONTROL)


def moment(ms: int) -> str | None:
    """A time as people read it; None if it is not known."""
    if not ms:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def ranges(numbers: Iterable[int]) -> str:
    """Write the numbers 0, 1, 2, 5 as `0–2, 5`."""
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return ", ".join(f"{low}" if low == high else f"{low}–{high}" for low, high in spans)


def ago(ms: int) -> str:
    """How long ago a time was, as `12 s`."""
    seconds = max(0, round(time.time() - ms / 1000))
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def show_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value))


def show_message(text: str, as_json: bool) -> None:
    """Print a sentence that says what was done."""
    if as_json:
        show_json({"message": text})
    else:
        click.echo(plain(text))


def cell(value: object, style: str = "") -> Text:
    """A cell of a table; empty for None."""
    return Text("" if value is None else plain(value), style)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table without lines; a column whose name ends in `>` is aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        right = name.endswith(">")
        made.add_column(name.rstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    return made


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    console().print(table(columns, rows))


def show(
    as_json: bool, value: object, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Print `value` as JSON for programs, or else `rows` as a table for people."""
    if as_json:
        show_json(value)
    else:
        show_table(columns, rows)


def progress() -> Progress:
    """A progress bar on stderr for slow work; shown only in a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
