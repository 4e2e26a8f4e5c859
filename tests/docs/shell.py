"""Commands of the docs, run as they stand, in a shell of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cli.command import environment
from tests.support.patience import HOPE
from tests.support.programs import CURL, require


def run(
    lines: Sequence[str],
    folder: Path,
    timeout: float,
    settings: Mapping[str, object] | None = None,
    **variables: str,
) -> str:
    """Run the lines in one bash, until one fails; what they wrote.

    Whatever they have started is killed at the end. A failure shows all logs in `folder`.

    Args:
        lines: each may be many lines.
        folder: where they run.
        timeout: in s, for all of them.
        settings: flrouter's.
        variables: of the shell.
    """
    if any("curl" in line for line in lines):
        require(CURL)
    process = subprocess.Popen(
        # -m: jobs have numbers, as in a terminal
        ["bash", "-c", "\n".join(["set -e -m -o pipefail", *lines])],
        cwd=folder,
        env=environment(settings or {})
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout * HOPE)
    except subprocess.TimeoutExpired:
        _end_session(process.pid)
        output, _ = process.communicate()
        output += f"\n(cut off after {timeout} s)"
    finally:
        _end_session(process.pid)
    logs = "\n".join(f"{log.name}:\n{log.read_text()[-2000:]}" for log in folder.glob("*.log"))
    assert process.returncode == 0, f"{output}\n{logs}"
    return output


def _end_session(session: int) -> None:
    """Every process that the shell has started, each in a group of its own."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(status.parent.name), signal.SIGKILL)
        except OSError:
            continue
