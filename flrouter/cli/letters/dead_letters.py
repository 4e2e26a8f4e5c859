"""`flrouter dead-letters`: look at what nobody could read, and have it read again."""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import click

from flrouter.cli import Group, options
from flrouter.cli.kafka import explained
from flrouter.cli.letters.letters import Letter, Wanted, read
from flrouter.cli.letters.replay import replay as put_back
from flrouter.cli.output import json_option, moment, plain, progress, show_json, show_table
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings

#: characters of a letter in a table.
_MAX_SHOWN_CHARACTERS = 80


@click.group(cls=Group)
def dead_letters() -> None:
    """Look at records that could not be used, and have them read once more."""


_filters = options.together(
    options.before_now("--since", "Only those of the last 2h, say."),
    click.option("--reason", default="", help="Only those whose reason contains this."),
    click.option("--topic", default="", help="Only those that were read from this topic."),
)


@dead_letters.command("list")
@_filters
@click.option("--replayed", is_flag=True, help="Also those that were replayed.")
@options.limit()
@json_option
def list_(topic: str, reason: str, since: int, replayed: bool, limit: int, as_json: bool) -> None:
    """List dead letters: why they could not be used, and where they came from."""
    settings = load_settings()
    wanted = Wanted((), topic, reason, since, replayed)
    newest: deque[Letter] = deque(maxlen=limit)
    count = 0

    def take(letter: Letter) -> None:
        nonlocal count
        newest.append(letter)
        count += 1

    with progress() as bar, explained(settings):
        read(settings, wanted, bar, take)
    rows = sorted(newest, key=lambda letter: letter.at)
    if as_json:
        show_json([_as_json(letter) for letter in rows])
        return
    show_table(
        ("letter", "time", "read from", "reason", "bytes>", "correlation id", "begins with"),
        [
            (
                *(letter.name, moment(letter.at), _origin(letter), letter.reason, letter.size),
                *(
                    letter.correlation_id,
                    letter.value[:_MAX_SHOWN_CHARACTERS].decode("utf-8", "replace"),
                ),
            )
            for letter in rows
        ],
    )
    if count > limit:
        click.echo(f"the newest {limit} of {count}: --limit shows more", err=True)


def _origin(letter: Letter) -> str:
    return f"{letter.topic}/{letter.place}" if letter.place else letter.topic


def _as_json(letter: Letter) -> dict[str, Any]:
    return {
        "letter": letter.name,
        "at": letter.at,
        "reason": letter.reason,
        "origin": _origin(letter),
        "topic": letter.topic,
        "correlation_id": letter.correlation_id,
        "bytes": letter.size,
        "whole": letter.whole,
        "replayed": letter.replayed,
        "value": letter.value.decode("utf-8", "replace"),
    }


@dead_letters.command()
@click.argument("letter", nargs=-1)
@_filters
@click.option("--all", "every", is_flag=True, help="All that were not replayed yet.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def replay(
    letter: tuple[str, ...],
    topic: str,
    reason: str,
    since: int,
    every: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put dead letters back to the topic that they were read from: each LETTER, or a choice.

    Each goes back once: it is marked, and not listed or replayed again. The exit status is 1 when
    one of them cannot go back.
    """
    if not (letter or topic or reason or since or every):
        raise Failure(
            "dead-letters replay: name letters, choose with --topic, --reason or --since, or say"
            " --all",
            BAD_USAGE_STATUS,
        )
    settings = load_settings()
    wanted = Wanted(frozenset(letter), topic, reason, since)
    with progress() as bar, explained(settings):
        fates = put_back(settings, wanted, bar, dry_run=dry_run)
    missing = sorted(set(letter) - {fate.name for fate in fates})
    if missing and not fates:
        raise Failure(_missing(missing))
    if as_json:
        show_json([{"letter": f.name, "topic": f.topic, "error": f.why or None} for f in fates])
    else:
        done = "would go back" if dry_run else "is put back"
        for fate in fates:
            told = f"stays: {fate.why}" if fate.why else f"{done} to {fate.topic}"
            click.echo(plain(f"{fate.name} {told}"))
        if not fates:
            click.echo("there is nothing to replay")
    if missing:
        raise Failure(_missing(missing))
    if any(fate.why for fate in fates):
        sys.exit(1)


def _missing(names: list[str]) -> str:
    return (
        f"among the new dead letters there is no {', '.join(names)}: `flrouter dead-letters list"
        " --replayed` has those that were replayed too"
    )
