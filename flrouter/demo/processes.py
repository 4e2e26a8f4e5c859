"""The processes of the demo: each logs into a folder, and none outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from flrouter.failure import Failure

#: s; how long all of them may take to stop before they are killed.
STOP_TIMEOUT_S = 5.0


class Process:
    """One of them, by its name; it may be killed and started again."""

    def __init__(
        self, name: str, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Args:
        arguments: for this Python.
        environment: all `FLROUTER_*` that it is to see.
        """
        self.name = name
        self.log = folder / f"{name}.log"
        self.output = folder / f"{name}.out"
        self._arguments = [sys.executable, *arguments]
        own = {key: text for key, text in os.environ.items() if not key.startswith("FLROUTER_")}
        self._environment = {**own, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._output_before = 0
        self.killed = False

    def start(self) -> None:
        """Start it."""
        self.killed = False
        with self.log.open("ab") as log, self.output.open("ab") as output:
            self._output_before = output.tell()
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self.log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the demo, which then stops it
            )

    def said(self, text: bytes) -> bool:
        """Whether it has said `text` on stdout since it was started last."""
        with self.output.open("rb") as output:
            output.seek(self._output_before)
            return text in output.read()

    def kill(self) -> None:
        """End it at once, as a crash of its machine would."""
        assert self._process is not None
        self.killed = True
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def check(self) -> None:
        """Raises Failure when it ended by itself."""
        if self._process is not None and not self.killed:
            status = self._process.poll()
            if status is not None:
                raise Failure(f"{self.name} ended by itself with status {status}: see {self.log}")

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None:
            self._process.terminate()

    def end(self, until: float) -> None:
        """Wait until it has stopped, at most until `until` (monotonic seconds); then kill it."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, until - time.monotonic()))
            self._process.kill()
            self._process.wait()


def stop_all(processes: Sequence[Process]) -> None:
    """Stop them side by side; returns when none is left."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + STOP_TIMEOUT_S
    for process in processes:
        process.end(until)
