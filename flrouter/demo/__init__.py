"""`flrouter demo`: a whole router with FLs, a requester and a failure, in one terminal."""

from __future__ import annotations

from pathlib import Path

import click

from flrouter import profiles
from flrouter.failure import BAD_USAGE_STATUS, Failure

#: s; how long rules are installed on real switches, when nothing else is said.
REAL_DURATION_S = 12.0
_RATE = click.FloatRange(min=0, min_open=True)
_PROFILE = click.Choice(profiles.OWN)


def _switches(_context: click.Context, _parameter: click.Parameter, given: str) -> int | None:
    """How many switches each FL simulates; None for those of Open vSwitch."""
    if given == "ovs":
        return None
    if not given.isdecimal() or not 1 <= int(given) <= 10_000:
        raise click.BadParameter(f"{given!r} is neither `ovs` nor a number from 1 to 10,000")
    return int(given)


@click.command(context_settings={"show_default": True})
@click.option(
    "--seconds",
    type=click.FloatRange(3),
    help="How long commands are sent; without it until Ctrl-C.",
)
@click.option(
    "--json",
    "report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where the figures go at the end.",
)
@click.option("--workers", type=click.IntRange(1, 8), default=2)
@click.option("--floodlights", type=click.IntRange(1, 20), default=3)
@click.option(
    "--switches",
    metavar="NUMBER|OVS",
    callback=_switches,
    default="24",
    help="How many each FL simulates; or `ovs`, for six real ones of Open vSwitch.",
)
@click.option("--rate", type=_RATE, default=200, help="Commands per second.")
@click.option("--profile", type=_PROFILE, default="plain", help="How FLs and requesters speak.")
def demo(
    seconds: float | None,
    report: Path | None,
    workers: int,
    floodlights: int,
    switches: int | None,
    rate: float,
    profile: str,
) -> None:
    """Watch commands cross a router with several FLs, one of which dies and comes back.

    The exit status is 0 when every command got its one answer, and errors came only for switches
    of the dead FL and for commands that were malformed on purpose; with real switches, when their
    tables hold the rules that were commanded, and no others.
    """
    from flrouter.demo.story import Story, tell
    from flrouter.demo.traffic.plan import Plan

    if report is not None and not report.absolute().parent.is_dir():
        raise Failure(
            f"--json {report}: there is no folder {report.absolute().parent}", BAD_USAGE_STATUS
        )
    if switches is not None:
        plan = Plan(seconds, workers, floodlights, switches, rate, profile)
        raise SystemExit(0 if tell(Story, plan, report) else 1)
    from flrouter.demo.switches import MAX_RULES, RealPlan, RealStory

    if profile != "plain":
        raise Failure(
            f"--profile {profile}: real switches have the plain one only", BAD_USAGE_STATUS
        )
    if floodlights == 1:
        raise Failure(
            "--floodlights 1: each real switch has two: expected 2 to 20", BAD_USAGE_STATUS
        )
    real = RealPlan(seconds or REAL_DURATION_S, workers, floodlights, 0, rate)
    if real.rules > MAX_RULES:
        raise Failure(
            f"{real.rules:,} rules are more than the {MAX_RULES:,} that the switches tell apart:"
            " choose a smaller --rate or --seconds",
            BAD_USAGE_STATUS,
        )
    raise SystemExit(0 if tell(RealStory, real, report) else 1)
