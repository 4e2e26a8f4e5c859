"""Shell completion of commands, options and FLs."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from flrouter.cli.router import Router
from flrouter.failure import Failure
from flrouter.settings.model import BadSetting, load

#: s; nobody waits longer after pressing Tab.
_TIMEOUT_S = 2.0
_SHELLS = ("bash", "zsh", "fish")


class _Floodlight(click.ParamType):
    """An FL's id. The shell completes it with the ids that a worker lists."""

    name = "floodlight"

    def shell_complete(
        self, _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            rows, _ = Router(load(), _TIMEOUT_S).rows("floodlights")
        except (Failure, BadSetting):
            return []  # there is no place to say why
        return [CompletionItem(row["id"]) for row in rows if row["id"].startswith(incomplete)]


FLOODLIGHT = _Floodlight()


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what SHELL needs in order to complete commands, options and FLs."""
    whole = click.get_current_context().find_root().command
    completion_class = get_completion_class(shell)
    assert completion_class is not None
    click.echo(completion_class(whole, {}, "flrouter", "_FLROUTER_COMPLETE").source())
