"""The stage of one contender: its topics, its FLs, its requester, and the router itself."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from benchmarks.broker import Broker
from benchmarks.contenders import Contender
from benchmarks.layout import Layout

ROOT = Path(__file__).parent.parent
#: s; how long a process may take to stop before it is killed.
STOP = 5.0


class Fault(RuntimeError):
    """A contender, or a client, failed; the text says how, with the end of its log."""


class Stage:
    """All processes of one contender; started together, used in turns, stopped at the end.

    Args:
        contender: None when there is no router: the requester's commands go straight to the FLs.
        layout: its topics.
        broker: where those are.
        folder: for its logs.
        workers: how many processes of the router.
    """

    def __init__(
        self,
        contender: Contender | None,
        layout: Layout,
        broker: Broker,
        folder: Path,
        workers: int = 1,
    ) -> None:
        self.contender = contender
        self.layout = layout
        self._broker = broker
        self._folder = folder / layout.name
        self._workers = workers
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._routers: list[str] = []

    def start(self) -> None:
        """Make the topics and start everything, waiting for nothing."""
        self._folder.mkdir(parents=True)
        self._broker.create(dict.fromkeys(self.layout.topics, self.layout.partitions))
        if self.contender is not None and (changelogs := self.contender.changelogs(self.layout)):
            self._broker.create(changelogs, compacted=True)
        python = (sys.executable, "-m")
        self._run("floodlights", [*python, "benchmarks.clients.floodlights"])
        direct = ["--direct"] if self.contender is None else []
        self._run("requester", [*python, "benchmarks.clients.requester", *direct])
        if self.contender is not None:
            more = self.contender.environment(self.layout)
            for number in range(1, self._workers + 1):
                self._routers.append(f"router-{number}")
                self._run(self._routers[-1], self.contender.command(self.layout), more)

    def _run(
        self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None
    ) -> None:
        own = {key: text for key, text in os.environ.items() if not key.startswith("FLROUTER_")}
        folder = self._folder / name
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=folder,
                env={**own, **self.layout.environment(), **(more or {}), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE if name == "requester" else subprocess.DEVNULL,
                stdout=subprocess.PIPE if name == "requester" else log,
                stderr=log,
                text=True,
                start_new_session=True,  # a Ctrl-C is for the harness, which then stops it
            )

    @property
    def router_pids(self) -> list[int]:
        """The router's processes."""
        return [self._processes[name].pid for name in self._routers]

    @property
    def watched(self) -> dict[str, Sequence[int]]:
        """All whose processor time is told apart."""
        return {
            "router": self.router_pids,
            "requester": [self._processes["requester"].pid],
            "floodlights": [self._processes["floodlights"].pid],
            "broker": self._broker.pids,
        }

    def order(self, do: str, **how: Any) -> dict[str, Any]:
        """Have the requester do something; its result.

        Raises:
            Fault: a process ended by itself, or the requester found something wrong.
        """
        requester = self._processes["requester"]
        with contextlib.suppress(BrokenPipeError):
            _pipe(requester.stdin).write(json.dumps({"do": do, **how}) + "\n")
            _pipe(requester.stdin).flush()
        answer = _pipe(requester.stdout).readline()
        if not answer:
            with contextlib.suppress(subprocess.TimeoutExpired):
                requester.wait(STOP)  # it is about to end
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise Fault(f"{name} ended with {process.returncode}: {self._end_of_log(name)}")
        result: dict[str, Any] = json.loads(answer)
        if "fault" in result:
            raise Fault(
                f"{result['fault']}: {self._end_of_log((self._routers or ['requester'])[0])}"
            )
        return result

    def probe(self) -> None:
        """Wait until it answers commands for every switch."""
        self.order("probe")

    def closed(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """Measure with a fixed number of commands in flight."""
        return self.order("closed", watch=self.watched, in_flight=in_flight, seconds=seconds)

    def open(self, rate: float, warm: float, seconds: float) -> dict[str, Any]:
        """Measure at a fixed rate (commands a second)."""
        return self.order("open", watch=self.watched, rate=rate, warm=warm, seconds=seconds)

    def _end_of_log(self, name: str, lines: int = 5) -> str:
        text = (self._folder / name / "log").read_text(errors="replace")
        return " | ".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """End all of its processes."""
        for process in self._processes.values():
            process.terminate()
        until = time.monotonic() + STOP
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()

    def __enter__(self) -> Stage:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _pipe(pipe: TextIO | Any) -> TextIO:
    assert pipe is not None
    found: TextIO = pipe
    return found
