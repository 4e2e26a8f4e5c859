"""`flrouter top`: a live view of FLs and workers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from flrouter.cli import options
from flrouter.cli.looking.overview import overview
from flrouter.cli.output import cell, console, json_option, moment, show_json, table
from flrouter.cli.router import Router, Row
from flrouter.failure import Failure, load_settings

_STYLES = {
    "up": "green",
    "drained": "yellow",
    "unknown": "yellow",
    "outage": "bold red",
    "removed": "dim",
}
_FLOODLIGHTS = (
    *("floodlight", "state", "since", "switches>", "pending>", "answers/s>", "mean ms>"),
    *("region", "weight>"),
)
_WORKERS = ("worker", "shards>", "lag>", "state")


@click.command()
@options.seconds("--every", 1.0, 0.2, "Between two looks.")
@click.option("--times", type=click.IntRange(min=1), help="How often; without it until Ctrl-C.")
@json_option
def top(every: float, times: int | None, as_json: bool) -> None:
    """Watch FLs and workers; rates are those since the look before. With --json a line a look."""
    looks = _looks(Router(load_settings()), every, times)
    if as_json:
        for look in looks:
            show_json(look.as_json())
        return
    screen = console()
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal) as live:
        for look in looks:
            live.update(look.shown(), refresh=True)


def _looks(router: Router, every: float, times: int | None) -> Iterator[_Look]:
    """Look `times` times, or until Ctrl-C.

    Raises:
        Failure: the first look fails. Later looks show their failure, and go on.
    """
    look = _Look(router)
    yield look
    with suppress(KeyboardInterrupt):
        for _ in itertools.count(2) if times is None else range(times - 1):
            time.sleep(every)
            try:
                look = _Look(router, look)
            except Failure as failure:
                look.failure = failure.message
            yield look


class _Look:
    """The router at one moment, and its rates since the look before."""

    def __init__(self, router: Router, before: _Look | None = None) -> None:
        #: why the latest attempt to look again failed; empty if it did not.
        self.failure = ""
        self._seen = seen = overview(router)
        #: monotonic seconds.
        self._at = time.monotonic()
        #: URL and start time of each worker that gave its counters.
        self._told = {
            (row["url"], row["started"])
            for row in seen.workers
            if row["answering"] and row["url"] not in seen.silence.workers
        }
        #: FL → how many answers it has given so far, and how many seconds they took in all.
        self._totals = {
            row["id"]: (sum(row["latency"]["counts"]), row["latency"]["total"])
            for row in seen.floodlights
        }
        #: the totals of the look before; `_seconds` have passed since.
        self._earlier: dict[str, tuple[int, float]] = {}
        self._seconds = 0.0
        # When workers come or go, the totals jump: their difference is no rate.
        if before is not None and before._told == self._told:
            self._earlier, self._seconds = before._totals, self._at - before._at

    def as_json(self) -> Row:
        """The look as JSON for programs."""
        return {"error": self.failure} if self.failure else self._seen.as_json()

    def shown(self) -> Group:
        """The look as tables for people."""
        return Group(
            Text(self._seen.summary(), "bold"),
            cell(self.failure or self._seen.silence, _STYLES["outage"]),
            table(_FLOODLIGHTS, map(self._floodlight, self._seen.floodlights)),
            Text(),
            table(_WORKERS, map(_worker, self._seen.workers)),
        )

    def _floodlight(self, row: Row) -> Sequence[object]:
        return (
            *(row["id"], cell(row["state"], _STYLES.get(row["state"], "")), moment(row["since"])),
            *(row["switches"], row["pending"], *self._rates(row["id"])),
            *(row["region"], row["weight"]),
        )

    def _rates(self, floodlight: str) -> tuple[str | None, str | None]:
        """Answers per second, and ms per answer; None for an FL without earlier totals."""
        if floodlight not in self._earlier:
            return None, None
        before, now = self._earlier[floodlight], self._totals[floodlight]
        answers, seconds = now[0] - before[0], now[1] - before[1]
        mean = f"{seconds / answers * 1000:.1f}" if answers else None
        return f"{answers / self._seconds:.0f}", mean


def _worker(row: Row) -> tuple[object, ...]:
    if not row["answering"]:
        state = cell("does not answer", _STYLES["outage"])
    elif row["held_back"]:
        state = cell(f"full: {len(row['held_back'])} partitions wait", _STYLES["drained"])
    else:
        state = cell("ready", _STYLES["up"]) if row["ready"] else cell(row["reason"], "yellow")
    return row["url"], len(row["shards"]), row["lag"], state
