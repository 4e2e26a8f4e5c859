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
    from flrouter.speaker.options import SpeakerOptions
    from flrouter.speaker.simulated.latency import BadLatency

    found = settings()
    several = found.speaks.many  # then the topics are those of the profile
    plain = SpeakerOptions(
        id="",
        broker=found.broker,
        partitions=found.partitions,
        profile=found.profile,
        headers=dict(found.headers),
        read_topic="" if several else found.fl_read_topic,
        write_topic="" if several else found.fl_write_topic,
        traces_url=found.traces_url,
        client=login(found),
    )
    try:
        sys.exit(main(arguments, plain, "flrouter speaker"))
    except BadLatency as error:
        raise Failure(str(error), BAD_USAGE) from error
