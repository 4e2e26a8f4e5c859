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
    """Run a simulated FL; broker and topics are those of the settings."""
    from flrouter.speaker.__main__ import main
    from flrouter.speaker.simulated.latency import BadLatency

    found = settings()
    if found.security_protocol != "PLAINTEXT":
        raise Failure(
            f"setting security_protocol is {found.security_protocol!r}: a simulated FL logs in"
            " nowhere, expected PLAINTEXT",
            BAD_USAGE,
        )
    defaults = [
        f"--broker={found.broker}",
        f"--partitions={found.partitions}",
        f"--read-topic={found.fl_read_topic}",
        f"--write-topic={found.fl_write_topic}",
    ]
    try:
        sys.exit(main([*defaults, *arguments]))
    except BadLatency as error:
        raise Failure(str(error), BAD_USAGE) from error
