"""The command line's options that all kinds of FL share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import click

from flrouter import profiles
from flrouter.speaker.options import SpeakerOptions

T = TypeVar("T")
LEVEL = click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], case_sensitive=False)


def explained(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` for an option: click would leave out what its ValueError says."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return parsed


def profile(name: str) -> str:
    """The name of a profile that there is."""
    try:
        profiles.load(name)
    except profiles.BadProfile as error:
        raise click.BadParameter(f"profile {name}: {error}") from error
    return name


def header(text: str) -> tuple[str, str]:
    """The name and the value of a header."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{text!r} is no name=value")
    return name, value


_SHARED = (
    click.option("--id", required=True, help="The FL's id."),
    click.option("--broker", help="tansu://host:port or kafka://host:port,…"),
    click.option("--region", help="The region in its messages; its id when empty."),
    click.option("--partitions", type=int, help="Of topics that it has to make."),
    click.option("--profile", type=profile, help="How the router speaks."),
    click.option("--header", type=header, multiple=True, help="name=value (repeatable)."),
    click.option("--read-topic", help="The profile's when empty; {fl} stands for the id."),
    click.option("--write-topic", help="The same of what it writes."),
    click.option("--expire-after-ms", type=int),
    click.option("--write-timeout-ms", type=int),
    click.option("--traces-url", help="An OpenTelemetry collector, OTLP over HTTP."),
    click.option("--log-level", type=LEVEL, default="WARNING", help="Of the log on stderr."),
)


def program(run: Callable[..., None]) -> click.Command:
    """Make a command that has the shared options, before those of its own."""
    for option in reversed(_SHARED):
        run = option(run)
    return click.command(context_settings={"show_default": True})(run)


def taken_from(given: dict[str, Any], plain: SpeakerOptions) -> SpeakerOptions:
    """`plain`, changed by the shared options in `given`, from which they are removed."""
    headers = {**plain.headers, **dict(given.pop("header"))}
    shared = given.keys() & {field.name for field in fields(plain)}
    return replace(plain, **{name: given.pop(name) for name in shared}, headers=headers)
