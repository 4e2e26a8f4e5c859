"""`flrouter top`: FLs and workers as they are now, again and again."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import click
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from flrouter.cli.failure import settings
from flrouter.cli.looking import FLOODLIGHT_COLUMNS, Row, floodlight_cells, summary
from flrouter.cli.output import cell, console, table
from flrouter.cli.router import Router

#: rich's picture without the font that it would take from somewhere on the network.
_PICTURE = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_STYLES = {"up": "green", "drained": "yellow", "outage": "bold red", "removed": "dim"}


@click.command()
@click.option(
    "--every",
    type=click.FloatRange(min=0.2),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@click.option("--times", type=click.IntRange(min=1), help="How often; without it until Ctrl-C.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Keep the last look as a picture.",
)
def top(every: float, times: int | None, svg: Path | None) -> None:
    """Watch FLs and workers."""
    router = Router(settings())
    screen = console()
    looks = 0
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal) as live:
        try:
            while True:
                shown = _look(router)
                live.update(shown, refresh=True)
                looks += 1
                if looks == times:
                    break
                time.sleep(every)
        except KeyboardInterrupt:
            pass
    if svg is not None:
        picture = Console(record=True, width=130, file=io.StringIO())
        picture.print(shown)
        svg.write_text(picture.export_svg(title="flrouter top", code_format=_PICTURE))


def _look(router: Router) -> Group:
    workers = router.get("workers", limit=1000)["items"]
    floodlights = list(router.rows("floodlights"))
    return Group(
        Text(summary(workers, floodlights), "bold"),
        Text(),
        table(FLOODLIGHT_COLUMNS, map(_colourful, floodlights)),
        Text(),
        table(("worker", "shards>", "lag>", "state"), map(_worker, workers)),
    )


def _colourful(row: Row) -> list[object]:
    cells: list[object] = list(floodlight_cells(row))
    cells[1] = cell(row["state"], _STYLES.get(row["state"], ""))
    return cells


def _worker(row: Row) -> tuple[object, ...]:
    if not row["answering"]:
        state = cell("does not answer", _STYLES["outage"])
    elif row["held_back"]:
        state = cell(f"full: {len(row['held_back'])} partitions wait", _STYLES["drained"])
    else:
        state = cell("ready", _STYLES["up"]) if row["ready"] else cell(row["reason"], "yellow")
    return row["url"], len(row["shards"]), row["lag"], state
