"""Options that several commands share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from flrouter import kinds

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = kinds.duration()


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Combine several options into one decorator. The help shows the last one first."""

    def add(command: F) -> F:
        for option in options:
            command = option(command)
        return command

    return add


def before_now(name: str, about: str) -> Callable[[F], F]:
    """An option for a duration before now; its value is ms since the epoch, 0 if not given."""
    return click.option(name, metavar="DURATION", callback=_before_now, help=about)


def _before_now(_context: click.Context, _parameter: click.Parameter, given: str | None) -> int:
    if given is None:
        return 0
    try:
        return round((time.time() - _DURATION.read(given)) * 1000)
    except kinds.Refused:
        raise click.BadParameter(f"expected {_DURATION.allowed}") from None


def limit(most: int | None = None) -> Callable[[F], F]:
    """An option for the number of rows that are shown: at most `most`."""
    return click.option(
        "--limit",
        type=click.IntRange(1, most),
        default=100,
        show_default=True,
        help="How many at most, of the newest.",
    )


def seconds(name: str, default: float, least: float, about: str) -> Callable[[F], F]:
    """An option for a time in seconds."""
    return click.option(
        name,
        type=click.FloatRange(min=least),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=about,
    )
