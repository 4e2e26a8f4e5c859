"""Completion by the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.command import environment, flrouter
from tests.cli.operator import Operator

#: what bash does when somebody presses Tab behind the words.
_TAB = """
source <(flrouter completion bash)
COMP_WORDS=({words}) COMP_CWORD={at}
_flrouter_completion flrouter
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(words: str, settings: Mapping[str, object] | None = None) -> list[str]:
    """What bash offers in the place of the last word; `''` is an empty one."""
    done = subprocess.run(
        ["bash", "-c", _TAB.format(words=words, at=len(words.split()) - 1)],
        env=environment(settings or {})
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_commands_and_options() -> None:
    """Those of a group, and options of each; the worker's are Faust's."""
    assert {"worker", "drain", "dead-letters", "send", "top"} <= set(completed("flrouter ''"))
    assert completed("flrouter dr") == ["drain"]
    assert completed("flrouter dead-letters ''") == ["list", "replay"]
    assert "--timeout" in completed("flrouter send --")
    assert "--web-port" in completed("flrouter worker --")


def test_without_a_worker_no_floodlight_is_offered() -> None:
    """And nothing is said."""
    assert completed("flrouter drain ''", {"worker_url": "http://127.0.0.1:9"}) == []
    assert completed("flrouter drain ''", {"partitions": "many"}) == []


@pytest.mark.broker
def test_floodlights(operator: Operator) -> None:
    """Those that a worker knows."""
    url = {"worker_url": f"http://127.0.0.1:{operator.worker.web_port}"}
    assert completed("flrouter drain ''", url) == ["fl-1", "fl-2"]
    assert completed("flrouter switches --active fl-2", url) == ["fl-2"]
    assert completed("flrouter drain other", url) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    """It asks flrouter itself what to offer."""
    done = flrouter("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_FLROUTER_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("csh",)])
def test_another_shell(arguments: tuple[str, ...]) -> None:
    """It says which ones there are."""
    done = flrouter("completion", *arguments)
    assert done.returncode == 2
    for shell in ("bash", "zsh", "fish"):
        assert shell in done.stderr
