"""What the command line says when it is used wrongly: no traceback, and exit status 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from faust.cli.base import cli

from flrouter.cli import register
from flrouter.cli.broker import broker
from flrouter.cli.demo import demo
from flrouter.cli.floodlight import floodlight
from flrouter.cli.speaker import speaker
from tests.cli.command import flrouter


def invoke(
    command: click.Command, *arguments: str, settings: Mapping[str, Any] | None = None
) -> Result:
    """Run a command in this process."""
    found = {f"FLROUTER_{name.upper()}": str(value) for name, value in (settings or {}).items()}
    return CliRunner(env=found).invoke(command, arguments)


def one_line(result: Result, status: int) -> str:
    """What it wrote to stderr, which must be one line."""
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_help_lists_every_command() -> None:
    """`flrouter --help` needs no broker and shows Faust's commands and ours."""
    done = flrouter("--help")
    assert done.returncode == 0
    for command in ("broker", "demo", "floodlight", "speaker", "worker"):
        assert f"  {command} " in done.stdout


def test_what_asks_sends_or_changes_takes_json() -> None:
    """And what runs until it is stopped does not, as docs/command-line.md says."""
    register()
    without = {path for path, command in _ours(cli) if not _takes_json(command)}
    assert without == {"broker", "completion", "speaker", "worker"}


def _ours(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Our commands, and those of groups."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _ours(command, f"{above}{name} ")
        elif getattr(command.callback, "__module__", "").startswith("flrouter"):
            yield f"{above}{name}", command


def _takes_json(command: click.Command) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("arguments", [("worker",), ("floodlight", "list")])
def test_a_process_that_fails_says_why_in_one_line(arguments: tuple[str, ...]) -> None:
    """Faust's commands and ours name the setting that is wrong, before they do anything."""
    done = flrouter(*arguments, settings={"partitions": "many"})
    assert done.returncode == 2
    assert done.stderr.startswith("flrouter: setting partitions is 'many'")
    assert "expected a whole number" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["", "fl 4", "fl/4", "x" * 65, "fl-ä"])
@pytest.mark.parametrize("what", ["add", "remove"])
def test_what_is_no_floodlight_id_is_refused(what: str, name: str) -> None:
    """A bad id is refused with what is allowed, without asking a broker."""
    line = one_line(invoke(floodlight, what, name), 2)
    assert line.startswith(f"flrouter: {name!r} is no FL id: expected 1 to 64 of A-Z")


def test_no_broker_is_said_in_one_line() -> None:
    """Without a broker it says which one it tried and where to look."""
    settings = {"broker": "kafka://127.0.0.1:1"}
    for arguments in (("list",), ("add", "fl-4")):
        line = one_line(invoke(floodlight, *arguments, settings=settings), 1)
        assert line.startswith("flrouter: the broker kafka://127.0.0.1:1 ")
        assert "FLROUTER_BROKER" in line


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (demo, ("--seconds", "0")),
        (demo, ("--rate", "0")),
        (demo, ("--workers", "none")),
        (demo, ("--json", "nowhere/at/all/out.json")),
        (broker, ("--port", "0")),
        (floodlight, ("add",)),
        (floodlight, ("rename", "fl-1")),
        (speaker, ("--id", "fl-1", "--latency-ms", "soon")),
        (speaker, ("--switches", "3")),
    ],
)
def test_bad_arguments(command: click.Command, arguments: tuple[str, ...]) -> None:
    """What cannot be is refused at once."""
    result = invoke(command, *arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert isinstance(result.exception, SystemExit)
