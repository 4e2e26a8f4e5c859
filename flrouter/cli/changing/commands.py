"""Commands that change: `sync`, `move`, `place`, `drain`, `undrain`, `prefer`."""

from __future__ import annotations

import sys

import click

from flrouter.cli.changing.draining import emptied
from flrouter.cli.completion import FLOODLIGHT
from flrouter.cli.output import json_option, show_json, show_message
from flrouter.cli.router import Router
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings


def _order(as_json: bool, *path: str, **body: object) -> None:
    show_message(Router(load_settings()).post(*path, **body), as_json)


@click.command()
@click.argument("floodlight", required=False, type=FLOODLIGHT)
@json_option
def sync(floodlight: str | None, as_json: bool) -> None:
    """Sync with FLOODLIGHT, or with every FL."""
    path = ("sync",) if floodlight is None else ("floodlights", floodlight, "sync")
    _order(as_json, *path)


@click.command()
@click.argument("switch")
@click.argument("floodlight", type=FLOODLIGHT)
@json_option
def move(switch: str, floodlight: str, as_json: bool) -> None:
    """Make FLOODLIGHT the active one for SWITCH."""
    _order(as_json, "switches", switch, "move", floodlight=floodlight)


@click.command()
@click.argument("switch")
@click.argument("region", default="")
@json_option
def place(switch: str, region: str, as_json: bool) -> None:
    """Set the REGION of a switch: FLs of that region are preferred. None: no region."""
    _order(as_json, "switches", switch, "place", region=region)


@click.command()
@click.argument("floodlight", type=FLOODLIGHT)
@click.option("--region", help="Where it is.")
@click.option("--weight", type=click.IntRange(min=0), help="How much it is preferred.")
@json_option
def prefer(floodlight: str, region: str | None, weight: int | None, as_json: bool) -> None:
    """Set the region of FLOODLIGHT, and how much it is preferred to others."""
    if region is None and weight is None:
        raise Failure("prefer: give --region, --weight or both", BAD_USAGE_STATUS)
    _order(as_json, "floodlights", floodlight, "prefer", region=region, weight=weight)


@click.command()
@click.argument("floodlight", type=FLOODLIGHT)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait until nothing more moves and nothing is pending there, this long at most.",
)
@json_option
def drain(floodlight: str, wait: float | None, as_json: bool) -> None:
    """Move FLOODLIGHT's switches to others that hold them, and give it none until `undrain`.

    With --wait the exit status is 1 when switches stay, because no other FL holds them, or when
    that is unknown: do not stop it then.
    """
    router = Router(load_settings())
    message = router.post("floodlights", floodlight, "drain")
    if wait is None:
        show_message(message, as_json)
        return
    left, pending = emptied(router, floodlight, wait)
    told = f"{floodlight} is drained: {left} switches stay, {pending} commands are pending there"
    if as_json:
        show_json({"message": told, "switches": left, "pending": pending})
    else:
        click.echo(told)
    if left or pending:
        sys.exit(1)


@click.command()
@click.argument("floodlight", type=FLOODLIGHT)
@json_option
def undrain(floodlight: str, as_json: bool) -> None:
    """Let FLOODLIGHT have switches again; those that prefer it come back."""
    _order(as_json, "floodlights", floodlight, "undrain")
