"""Running `flrouter` as people do: in a process of its own, or as if."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from flrouter.cli import flrouter as command_line
from tests.support.patience import HOPE

TIMEOUT = 30 * HOPE


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """This process's environment with these settings in place of its own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("FLROUTER_")}
    return own | {f"FLROUTER_{name.upper()}": str(value) for name, value in settings.items()}


def flrouter(
    *arguments: str, settings: Mapping[str, Any] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flrouter", *arguments],
        env=environment(settings or {}),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def typed(*arguments: str, settings: Mapping[str, Any] | None = None) -> Result:
    """The same in this process, which saves its start; it must raise nothing.

    That commands do the same in one of their own, the tests of docs/command-line.md show.
    """
    # A variable that is None is unset.
    environ = dict.fromkeys(os.environ) | environment(settings or {})
    done = CliRunner(env=environ).invoke(command_line, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception  # people would see a traceback
    return done


class Running:
    """A `flrouter` that runs on while a test looks at it; ended with the `with` block."""

    def __init__(self, *arguments: str, settings: Mapping[str, Any] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "flrouter", *arguments],
            env=environment(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    @property
    def output(self) -> str:
        """What it has printed so far."""
        with self._changed:
            return "".join(self._lines)

    def wait_for(self, text: str, timeout: float = TIMEOUT) -> str:
        """The first line with `text` in it, as soon as it is printed."""
        until = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self._lines:
                    if text in line:
                        return line.rstrip()
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    raise TimeoutError(f"no {text!r} after {timeout} s in:\n{''.join(self._lines)}")

    def signal(self, number: int) -> int:
        """Send it a signal; the exit status that follows."""
        self.process.send_signal(number)
        status = self.process.wait(TIMEOUT)
        self._reading.join(TIMEOUT)
        return status

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT)
        self._reading.join(TIMEOUT)
        assert self.process.stdout is not None
        self.process.stdout.close()
