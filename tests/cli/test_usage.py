"""What the command line says when it is used wrongly: no traceback, and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from flrouter import __version__
from flrouter.cli import flrouter as command_line
from flrouter.cli.broker import broker
from flrouter.cli.changing.floodlight import floodlight
from flrouter.cli.speaker import speaker
from flrouter.demo import demo
from tests.cli.command import environment, flrouter


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
    """`flrouter --help` needs no broker, and shows nothing that no router needs."""
    done = flrouter("--help")
    assert done.returncode == 0
    for command in ("broker", "demo", "floodlight", "speaker", "worker"):
        assert f"  {command} " in done.stdout
    assert "  reset " not in done.stdout


def test_a_look_loads_nothing_of_faust() -> None:
    """It would take longer than all else that a command does."""
    script = (
        "import sys; from flrouter.cli import flrouter;flrouter(['status'], standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", script],
        env=environment({"worker_url": "http://127.0.0.1:9"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no worker answers" in done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "flrouter.cli.looking.overview" in loaded
    assert not {"faust", "aiokafka", "aiohttp", "kafka"} & loaded


def test_its_version() -> None:
    """Not Faust's."""
    assert flrouter("--version").stdout == f"flrouter, version {__version__}\n"


def test_faust_s_command_line_has_our_worker_too() -> None:
    """Which says in one line what can never work: `faust -A flrouter worker`."""
    done = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "flrouter", "worker", "--help"],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Run a worker of the router" in done.stdout


def test_what_asks_sends_or_changes_takes_json() -> None:
    """And what runs until it is stopped does not, as docs/command-line.md says."""
    without = {path for path, command in _all(command_line) if not _takes_json(command)}
    assert without == {"broker", "completion", "history worker", "speaker", "worker"}


def _all(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands, and those of groups."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from _all(command, f"{above}{name} ")
            else:
                yield f"{above}{name}", command


def _takes_json(command: click.Command) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("arguments", [("worker",), ("floodlights",)])
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
    for arguments in (("remove", "fl-4"), ("add", "fl-4")):
        line = one_line(invoke(floodlight, *arguments, settings=settings), 1)
        assert line.startswith("flrouter: cannot connect to the broker kafka://127.0.0.1:1 ")
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


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("drian",), "drain"),
        (("floodlihgt", "add"), "floodlight"),
        (("floodlight", "ad"), "add"),
        (("dead-letters", "reply"), "replay"),
        (("profile", "shwo"), "show"),
    ],
)
def test_a_misspelt_command_is_told_what_was_meant(arguments: tuple[str, ...], meant: str) -> None:
    """In its group."""
    done = invoke(command_line, *arguments)
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.stderr


@pytest.mark.parametrize("name", ["agents", "model", "tables", "reset", "zzz"])
def test_what_faust_offers_beside_is_no_command(name: str) -> None:
    """Its `reset` deletes state, its `model x` is a traceback."""
    done = invoke(command_line, name)
    assert done.exit_code == 2
    assert f"No such command '{name}'" in done.stderr


def test_a_speaker_s_help_tells_what_the_settings_say() -> None:
    """So that nobody wonders which broker it will talk to."""
    told = {"broker": "kafka://kafka-1:9092", "partitions": "3", "fl_read_topic": "to.{fl}"}
    done = flrouter("speaker", "--help", settings=told)
    assert done.returncode == 0, done.stderr
    assert "Usage: flrouter speaker" in done.stdout
    for value in ("[default: kafka://kafka-1:9092]", "[default: 3]", "[default: to.{fl}]"):
        assert value in " ".join(done.stdout.split())
