"""`flrouter demo`: a whole router with FLs, a requester and a failure, in one terminal."""

from __future__ import annotations

from pathlib import Path

import click

from flrouter.cli.failure import BAD_USAGE, Failure


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=3),
    help="How long commands are sent; without it until Ctrl-C.",
)
@click.option(
    "--json",
    "report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where the figures go at the end.",
)
@click.option("--workers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--floodlights", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option(
    "--switches", type=click.IntRange(1, 10_000), default=24, show_default=True, help="Of each FL."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=200,
    show_default=True,
    help="Commands per second.",
)
def demo(
    seconds: float | None,
    report: Path | None,
    workers: int,
    floodlights: int,
    switches: int,
    rate: float,
) -> None:
    """Watch commands cross a router with several FLs, one of which dies and comes back.

    The exit status is 0 when every command got its one answer, and errors came only for switches
    of the dead FL and for commands that were malformed on purpose.
    """
    from flrouter.cli.demo.plan import Plan
    from flrouter.cli.demo.story import tell

    if report is not None and not report.absolute().parent.is_dir():
        raise Failure(f"--json {report}: there is no folder {report.absolute().parent}", BAD_USAGE)
    plan = Plan(seconds, workers, floodlights, switches, rate)
    raise SystemExit(0 if tell(plan, report) else 1)
