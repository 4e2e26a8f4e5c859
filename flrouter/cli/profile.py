"""`flrouter profile`: how FLs and services may speak."""

from __future__ import annotations

import click
import msgspec

from flrouter.cli import Group
from flrouter.cli.output import json_option, show, show_json
from flrouter.failure import BAD_USAGE_STATUS, Failure
from flrouter.profiles import OWN, BadProfile, load, text_of


@click.group(cls=Group)
def profile() -> None:
    """How FLs and services speak: topics, headers, kinds of messages."""


@profile.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the profiles that come with flrouter."""
    rows = [(name, load(name).about) for name in OWN]
    as_objects = [{"profile": name, "about": about} for name, about in rows]
    show(as_json, as_objects, ("profile", "for"), rows)


@profile.command("show")
@click.argument("name")
@json_option
def show_(name: str, as_json: bool) -> None:
    """Print the profile NAME, or the file of that path, if it is valid.

    With --json it is whole: together with the one that it extends.
    """
    try:
        text, whole = text_of(name), load(name)
    except BadProfile as error:
        raise Failure(f"profile {name}: {error}", BAD_USAGE_STATUS) from error
    if as_json:
        show_json(msgspec.to_builtins(whole))
    else:
        click.echo(text, nl=False)
