"""`python -m flrouter.speaker`: one FL, simulated or for OpenFlow switches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from flrouter.messages.switch_id import canonical
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.serving import arguments, process
from flrouter.speaker.simulated import FloodlightOptions, Latency, numbered, run


def number(text: str) -> int:
    """A whole number, also in hex, as 0x1f."""
    return int(text, 0)


#: the id of a switch.
SWITCH = arguments.explained(canonical)


@arguments.program
@click.option("--switches", default=1, help="How many switches it has at first.")
@click.option("--first-switch", type=number, default="1", help="Their first number.")
@click.option("--switch", type=SWITCH, metavar="ID", multiple=True, help="One more (repeatable).")
@click.option("--read-only", type=SWITCH, metavar="ID", multiple=True, help="One more, read-only.")
@click.option("--ports", default=2, help="Ports of each switch.")
@click.option(
    *("--latency-ms", "latency"),
    type=arguments.explained(Latency.parse),
    default="0",
    metavar="MS",
    help="5, or 1-20 for evenly spread.",
)
@click.option("--seed", default=0, help="Of the latencies.")
@click.pass_obj
def simulated(
    plain: SpeakerOptions,
    /,
    switches: int,
    first_switch: int,
    switch: tuple[str, ...],
    log_level: str,
    **given: Any,
) -> None:
    """A simulated FL. Takes JSON lines on stdin, says JSON lines on stdout.

    With --openflow PORT it is one for real switches: add --help to see its options.
    """
    speaker = arguments.taken_from(given, plain)
    named = (*numbered(switches, first_switch), *switch)
    process.serve(run, FloodlightOptions(speaker=speaker, switches=named, **given), log_level)


def main(given: Sequence[str], plain: SpeakerOptions, program: str) -> None:
    """Run until told to stop, and exit.

    Args:
        given: the command line's arguments.
        plain: defaults for options that are not given, and how to log in.
        program: the name of the program in its help.
    """
    command = simulated
    if any(argument.partition("=")[0] == "--openflow" for argument in given):
        try:
            from flrouter.speaker.openflow.process import openflow as command
        except ImportError as error:
            extra = "pip install 'flrouter[openflow]'"
            sys.exit(f"--openflow needs the package os-ken: {extra} ({error})")
    defaults = {name: value for name, value in vars(plain).items() if name != "id"}
    command.main(given, program, obj=plain, default_map=defaults)


if __name__ == "__main__":
    main(sys.argv[1:], SpeakerOptions(id=""), "python -m flrouter.speaker")
