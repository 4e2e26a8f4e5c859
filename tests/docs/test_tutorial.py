"""`docs/tutorial.md`, run from top to bottom as it stands, in one shell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.broker


def test_the_tutorial_works(tmp_path: Path) -> None:
    """Each of its blocks, but the one that installs what is installed here."""
    script = ["set -e -m -o pipefail"]  # -m: jobs have numbers, as in a terminal
    for block in blocks():
        if block.page == "docs/tutorial.md" and block.note != "install":
            text = block.text
            if block.language == "python":
                text = f"python - <<'END'\n{text}END\n"
            script += [f"echo '== line {block.line}'", text]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {key: value for key, value in os.environ.items() if not key.startswith("FLROUTER_")}
    process = subprocess.Popen(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=own | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=90 * PATIENCE)
    finally:
        _end_session(process.pid)
    logs = "\n".join(f"{log.name}:\n{log.read_text()[-1000:]}" for log in tmp_path.glob("*.log"))
    assert process.returncode == 0, f"{output}\n{logs}"
    assert "my-first" in output


def _end_session(session: int) -> None:
    """Every process that the shell has started, each in a group of its own."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(status.parent.name), signal.SIGKILL)
        except OSError:
            continue
