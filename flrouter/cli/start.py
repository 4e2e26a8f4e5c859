"""`flrouter worker`: what `faust -A flrouter worker` does, options and all."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem


class OfFaust(click.Command):
    """The options of Faust's command `worker`. Faust is loaded only when they are needed."""

    ignore_unknown_options = True

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the options as Faust does."""
        return list(_faust().commands["worker"].shell_complete(context, incomplete))


@click.command(cls=OfFaust, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: Sequence[str]) -> None:
    """Run a worker of the router: as many as you like, anywhere."""
    run("flrouter", arguments)


def run(app: str, arguments: Sequence[str]) -> None:
    """Run a worker of `app`, the name of the module that holds the app."""
    _faust()(args=["-A", app, "worker", *arguments], prog_name="flrouter")


def _faust() -> click.Group:
    from faust.cli.base import cli

    import flrouter.faust_side.worker  # noqa: F401 - importing it is enough for Faust

    assert isinstance(cli, click.Group)
    return cli
