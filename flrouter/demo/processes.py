"""The processes of the demo: each logs into a folder, and none outlives it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from flrouter.failure import Failure

#: s; how long all of them may take to stop before they are killed.
STOP_TIMEOUT_S = 5.0


class Process:
    """A named process; it may be killed and started again."""

    def __init__(
        self, name: str, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.output = folder / f"{name}.out"
        self._arguments = [sys.executable, *arguments]
        # Of all `FLROUTER_*` variables, the process gets only those passed to it.
        own = {key: text for key, text in os.environ.items() if not key.startswith("FLROUTER_")}
        self._environment = {**own, **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self._output_before = 0
        self.killed = False

    def start(self) -> None:
        """Start it."""
        self.killed = False
        with self.log.open("ab") as log, self.output.open("ab") as output:
            self._output_before = output.tell()
            self.process = subprocess.Popen(
                self._arguments,
                cwd=self.log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to the demo, which stops this process
            )

    def said(self, text: bytes) -> bool:
        """Whether the process has written `text` to stdout since its last start."""
        with self.output.open("rb") as output:
            output.seek(self._output_before)
            return text in output.read()

    def kill(self) -> None:
        """End the process at once, as a crash of its machine would."""
        assert self.process is not None
        self.killed = True
        self.process.kill()
        self.process.wait()

    def check(self) -> None:
        """Raise Failure if the process ended by itself."""
        if self.process is not None and not self.killed:
            status = self.process.poll()
            if status is not None:
                raise Failure(f"{self.name} ended by itself with status {status}: see {self.log}")


def stop_all(processes: Sequence[Process]) -> None:
    """Stop all processes at the same time; returns when none is left."""
    started = [process.process for process in processes if process.process is not None]
    for process in started:
        process.terminate()
    until = time.monotonic() + STOP_TIMEOUT_S
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        process.kill()
        process.wait()
