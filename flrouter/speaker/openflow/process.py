"""An FL for OpenFlow switches as a process: `python -m flrouter.speaker --openflow PORT`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flrouter.speaker.openflow.floodlight import OpenFlowFloodlight
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches.roles import Role
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.serving import arguments, process

_KEY_HELP = "what all FLs sign discovery packets with; without it every packet is believed"
#: bytes of a key that nobody can guess.
_MIN_KEY_BYTES = 16


def parse(
    given: Sequence[str], speaker: SpeakerOptions, program: str
) -> tuple[OpenFlowOptions, str]:
    """The options and the log level that the command line asks for.

    Args:
        given: the command line's arguments.
        speaker: defaults for options that are not given.
        program: the name of the program in its help.
    """
    plain = OpenFlowOptions(speaker=speaker)
    parser = argparse.ArgumentParser(
        prog=program,
        description="An FL for OpenFlow 1.3 switches. Says JSON lines on stdout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    arguments.add_to(parser, speaker)
    add = parser.add_argument
    add("--openflow", type=int, metavar="PORT", help="where switches connect; 0 is any free one")
    add("--host", default=plain.host, help="the address of this machine where they do")
    add("--role", type=Role, choices=list(Role), default=plain.role, help="asked of each switch")
    add("--echo-s", type=float, default=plain.echo_s, help="between two signs of life of a switch")
    add("--discovery-s", type=float, default=plain.discovery_s, help="between discovery packets")
    add("--discovery-key-file", dest="discovery_key", type=_key, metavar="FILE", help=_KEY_HELP)
    add("--stats-s", type=float, default=plain.stats_s, help="between reports of ports' counters")
    add("--settle-s", type=float, default=plain.settle_s, help="a sync waits so long at the start")
    chosen = parser.parse_args(given)
    own = arguments.fields_of(plain, chosen)
    fl = arguments.options(chosen, speaker)
    return replace(plain, **own, speaker=fl, port=chosen.openflow), chosen.log_level


def _key(path: str) -> bytes:
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from error
    if len(key) < _MIN_KEY_BYTES:
        raise argparse.ArgumentTypeError(
            f"{path} has {len(key)} bytes, {_MIN_KEY_BYTES} are needed"
        )
    return key


async def run(options: OpenFlowOptions) -> None:
    """Run an FL until SIGTERM or SIGINT. Ready means: it reads commands, and switches can connect.

    Raises:
        BadTopics: the FL's topics cannot be used.
        OSError: the port is taken.
    """
    floodlight = OpenFlowFloodlight(options)
    await process.run(floodlight, lambda: {"port": floodlight.port})
