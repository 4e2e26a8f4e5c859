"""Brokers do not outlive who started them, however that one ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.guard import Guard

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that would go on for a minute."""
    with subprocess.Popen(["sleep", "60"]) as found:
        yield found
        found.kill()


def test_what_was_started_ends_with_its_folder(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """As soon as the guard hears no more of us."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    guard = Guard(folder)
    guard.started(process.pid)
    guard.close()
    assert process.wait(10) == -9
    assert not folder.exists()


def test_what_has_ended_is_left_alone(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Its id may be another's by then."""
    guard = Guard(tmp_path / "cluster")
    guard.started(process.pid)
    guard.ended(process.pid)
    guard.close()
    assert process.poll() is None


def test_an_owner_that_is_killed(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Kill -9 leaves nothing behind."""
    owner = (
        "import os, sys; from pathlib import Path; from tests.kafka.guard import Guard;"
        "Guard(Path(sys.argv[1])).started(int(sys.argv[2])); os.kill(os.getpid(), 9)"
    )
    subprocess.run(
        [sys.executable, "-c", owner, str(tmp_path / "cluster"), str(process.pid)],
        cwd=ROOT,
        check=False,
    )
    assert process.wait(10) == -9
