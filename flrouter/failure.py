"""Failures: one line on stderr that says what to do, and no traceback."""

from __future__ import annotations

from typing import IO, Any

import click

from flrouter.settings.model import BadSetting, Settings, load

#: the exit status if the caller asked for something impossible.
BAD_USAGE_STATUS = 2


class Failure(click.ClickException):
    """Ends a command. The text says what is wrong and what to do about it."""

    def __init__(self, text: str, status: int = 1) -> None:
        """Args:
        status: the exit status; :data:`BAD_USAGE_STATUS` if it is the caller's mistake.
        """
        super().__init__(" ".join(text.split()))
        self.exit_code = status

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it to stderr."""
        click.echo(f"flrouter: {self.message}", file=file, err=True)


def load_settings() -> Settings:
    """The settings of the environment.

    Raises:
        Failure: one of them is not valid.
    """
    try:
        return load()
    except BadSetting as error:
        raise Failure(str(error), BAD_USAGE_STATUS) from error
