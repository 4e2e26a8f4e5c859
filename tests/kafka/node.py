"""One Kafka node, broker and controller, as a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kafka.config import Place, as_text
from tests.kafka.guard import Guard

#: small, quick to start (the second compiler is for days, not minutes), and gone when memory is.
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_LOGGING = Path(__file__).with_name("log4j2.xml")


class Node:
    """A place where a broker runs, or ran, or will.

    Args:
        place: its id, ports and folder.
        settings: its `server.properties`.
        command: java with its class path and the options for all that it runs.
        jvm: more options for the broker; these win.
        guard: who ends it when we cannot.
    """

    def __init__(
        self,
        place: Place,
        settings: Mapping[str, str],
        *,
        command: Sequence[str],
        jvm: Sequence[str],
        guard: Guard,
    ) -> None:
        self.place = place
        self.log = place.folder / "server.log"
        self._properties = place.folder / "server.properties"
        self._command = command
        self._jvm = jvm
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        place.folder.mkdir(parents=True)
        self._properties.write_text(as_text(settings))

    @property
    def pid(self) -> int | None:
        """The id of its process; None when it does not run."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with, when it was started and ended by itself."""
        return None if self._process is None else self._process.poll()

    def format(self, cluster: str, arguments: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Make its folder one of a cluster's; to be waited for."""
        return self._java(
            *("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"),
            *("--config", str(self._properties)),
            *arguments,
        )

    def start(self) -> None:
        """Start the process; it is not ready yet when this returns."""
        if self._process is not None:
            raise RuntimeError(f"broker {self.place.id} runs already")
        self._process = self._java(*self._jvm, "kafka.Kafka", str(self._properties))
        self._guard.started(self._process.pid)

    def kill(self) -> None:
        """`kill -9`."""
        process = self._running()
        process.kill()
        process.wait(20)
        self._ended(process)

    def terminate(self) -> None:
        """Ask it to stop: it hands its partitions over first. `wait` says when it has."""
        self._running().terminate()

    def wait(self, timeout: float) -> None:
        """Wait until it has stopped, and kill it when it has not in time."""
        process = self._running()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            self._ended(process)

    def output(self, lines: int) -> str:
        """The last lines of its log and of what Java wrote past it."""
        files = (path for path in (self.log, self.log.with_suffix(".out")) if path.exists())
        text = "".join(path.read_text(errors="replace") for path in files)
        return "\n".join(text.splitlines()[-lines:])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"broker {self.place.id} does not run")
        return self._process

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._guard.ended(process.pid)
        self._process = None

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.with_suffix(".out").open("ab") as output:
            return subprocess.Popen(
                [
                    *self._command,
                    *_JVM,
                    f"-Dlog4j2.configurationFile={_LOGGING}",
                    f"-Dflrouter.log={self.log}",
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for its owner
            )
