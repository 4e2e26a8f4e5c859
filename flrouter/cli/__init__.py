"""The command line: a command's module is loaded only when the command is used."""

from __future__ import annotations

import difflib
import time
from importlib import import_module

import click

from flrouter import __version__

#: monotonic seconds: when this process started, as early as it can be read.
STARTED = time.monotonic()
#: command → its module. Loading Faust takes most of a second, and only `worker` needs it.
_MODULES = {
    "broker": "cli.broker",
    "completion": "cli.completion",
    "dead-letters": "cli.letters.dead_letters",
    "demo": "demo",
    "drain": "cli.changing.commands",
    "floodlight": "cli.changing.floodlight",
    "floodlights": "cli.looking.commands",
    "history": "cli.looking.history",
    "move": "cli.changing.commands",
    "place": "cli.changing.commands",
    "prefer": "cli.changing.commands",
    "profile": "cli.profile",
    "send": "cli.sending.commands",
    "speaker": "cli.speaker",
    "status": "cli.looking.commands",
    "switches": "cli.looking.commands",
    "sync": "cli.changing.commands",
    "top": "cli.looking.top",
    "trace": "cli.looking.commands",
    "undrain": "cli.changing.commands",
    "worker": "cli.start",
}


class Group(click.Group):
    """A group of commands that suggests the right name for a misspelt command."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command as click does.

        Raises:
            UsageError: there is no such command; the text suggests the most similar one.
        """
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError as error:
            near = difflib.get_close_matches(arguments[0], self.list_commands(context), 1, 0.5)
            if near:
                error.message += f" Did you mean {near[0]!r}?"
            raise


class _Commands(Group):
    """The commands of `flrouter`; loads the module of a command on use."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        module = import_module(f"flrouter.{_MODULES[name]}")
        command = getattr(module, name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="flrouter")
def flrouter() -> None:
    """Many OpenFlow controllers behind Kafka, used as if there were one that never dies.

    Settings come from the environment (FLROUTER_BROKER and so on): docs/settings.md has them.
    """
