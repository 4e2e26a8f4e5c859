"""`flrouter worker`: what `faust -A flrouter worker` does, options and all."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem


class OfFaust(click.Command):
    """Faust knows the options of its command `worker`. It is loaded when somebody asks for them."""

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """As Faust's."""
        return list(_faust().commands["worker"].shell_complete(context, incomplete))


@click.command(
    cls=OfFaust, context_settings={"ignore_unknown_options": True}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: Sequence[str]) -> None:
    """Run a worker of the router: as many as you like, anywhere."""
    run("flrouter", arguments)


def run(app: str, arguments: Sequence[str]) -> None:
    """Run a worker of an app: the name of the module that has it."""
    _faust()(args=["-A", app, "worker", *arguments], prog_name="flrouter")


def _faust() -> click.Group:
    from faust.cli.base import cli

    import flrouter.faust_side.worker  # noqa: F401 - Faust takes it by its being there

    assert isinstance(cli, click.Group)
    return cli
