"""An FL for OpenFlow switches as a process: `python -m flrouter.speaker --openflow PORT`."""

from __future__ import annotations

from typing import IO, Any

import click

from flrouter.speaker.openflow.floodlight import OpenFlowFloodlight
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches.roles import Role
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.serving import arguments, process

#: defaults of the command line's options.
_PLAIN = OpenFlowOptions(speaker=SpeakerOptions(id=""))
_ROLES = click.Choice([role.value for role in Role])
_KEY_HELP = "What all FLs sign discovery packets with; without it every packet is believed."
#: bytes of a key that nobody can guess.
_MIN_KEY_BYTES = 16


def _key(_context: click.Context, _parameter: click.Parameter, file: IO[bytes] | None) -> bytes:
    if file is None:
        return _PLAIN.discovery_key
    with file:
        key = file.read().strip()
    if len(key) < _MIN_KEY_BYTES:
        raise click.BadParameter(f"{file.name} has {len(key)} bytes, {_MIN_KEY_BYTES} are needed")
    return key


@arguments.program
@click.option("--openflow", "port", type=int, help="Where switches connect; 0 is any free one.")
@click.option("--host", default=_PLAIN.host, help="The address of this machine where they do.")
@click.option("--role", type=_ROLES, default=_PLAIN.role.value, help="Asked of each switch.")
@click.option("--echo-s", default=_PLAIN.echo_s, help="Between two signs of life of a switch.")
@click.option("--discovery-s", default=_PLAIN.discovery_s, help="Between discovery packets.")
@click.option(
    *("--discovery-key-file", "discovery_key"),
    type=click.File("rb"),
    callback=_key,
    help=_KEY_HELP,
)
@click.option("--stats-s", default=_PLAIN.stats_s, help="Between reports of ports' counters.")
@click.option("--settle-s", default=_PLAIN.settle_s, help="A sync waits so long at the start.")
@click.pass_obj
def openflow(plain: SpeakerOptions, /, role: str, log_level: str, **given: Any) -> None:
    """An FL for OpenFlow 1.3 switches. Says JSON lines on stdout."""
    speaker = arguments.taken_from(given, plain)
    process.serve(run, OpenFlowOptions(speaker=speaker, role=Role(role), **given), log_level)


async def run(options: OpenFlowOptions) -> None:
    """Run an FL until SIGTERM or SIGINT. Ready means: it reads commands, and switches can connect.

    Raises:
        BadTopics: the FL's topics cannot be used.
        OSError: the port is taken.
    """
    floodlight = OpenFlowFloodlight(options)
    await process.run(floodlight, lambda: {"port": floodlight.port})
