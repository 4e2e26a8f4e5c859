"""`flrouter speaker`: a simulated FL."""

from __future__ import annotations

import click

from flrouter.failure import load_settings


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    options_metavar="--id ID [OPTIONS]",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
def speaker(arguments: tuple[str, ...]) -> None:
    """Run a simulated FL; broker, login and topics are those of the settings."""
    from flrouter.kafka.cluster.clients import login
    from flrouter.speaker.__main__ import main
    from flrouter.speaker.options import SpeakerOptions

    settings = load_settings()
    several = settings.speaks.many  # if so, the profile names the topics
    plain = SpeakerOptions(
        id="",
        broker=settings.broker,
        partitions=settings.partitions,
        profile=settings.profile,
        headers=dict(settings.headers),
        read_topic="" if several else settings.fl_read_topic,
        write_topic="" if several else settings.fl_write_topic,
        traces_url=settings.traces_url,
        client=login(settings),
    )
    main(arguments, plain, "flrouter speaker")
