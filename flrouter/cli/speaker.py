"""`flrouter speaker`: a simulated FL."""

from __future__ import annotations

import sys

import click

from flrouter.cli.failure import BAD_USAGE, Failure, settings


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    options_metavar="--id ID [OPTIONS]",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
def speaker(arguments: tuple[str, ...]) -> None:
    """Run a simulated FL; broker, login and topics are those of the settings."""
    from flrouter.runtime.clients import login
    from flrouter.speaker.__main__ import main
    from flrouter.speaker.simulated.latency import BadLatency

    found = settings()
    defaults = [
        f"--broker={found.broker}",
        f"--partitions={found.partitions}",
        f"--profile={found.profile}",
        *(f"--header={name}={value}" for name, value in found.headers),
        f"--traces-url={found.traces_url}",
    ]
    if not found.speaks.many:
        topics = (f"--read-topic={found.fl_read_topic}", f"--write-topic={found.fl_write_topic}")
        defaults += topics
    try:
        sys.exit(main([*defaults, *arguments], login(found)))
    except BadLatency as error:
        raise Failure(str(error), BAD_USAGE) from error
