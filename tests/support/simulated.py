"""Simulated FLs as processes of their own, so that they can be killed as processes are."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.deployment import Deployment
from tests.support.patience import HOPE


class SimulatedFloodlight:
    """One `python -m flrouter.speaker`; it may be killed and started again with other switches."""

    def __init__(self, deployment: Deployment, name: str, *, broker: str | None = None) -> None:
        """Args:
        broker: where it finds its broker, when not where the router does.
        """
        self.name = name
        self._log: Path = deployment.folder / f"{name}.log"
        self._fixed = [
            *("--id", name, "--broker", broker or deployment.url),
            *deployment.wires,
            *("--partitions", str(deployment.partitions), "--switches", "0"),
        ]
        self._numbers = itertools.count()
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process: subprocess.Popen[bytes]
        deployment.own_floodlights.add(name)
        deployment.on_close(self.close)

    def start(self, *switches: str, **options: object) -> None:
        """Start it with these switches; returns when Kafka has the events that report them."""
        more = [f"--switch={switch}" for switch in switches]
        more += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flrouter.speaker", *self._fixed, *more],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._said = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process, self._said), daemon=True).start()
        ready = self._said.get(timeout=40 * HOPE)
        assert ready.get("ready"), f"{self.name} said {ready}:\n{self._log.read_text()[-2000:]}"

    def tell(self, **request: Any) -> None:
        """Write a request; its reply is not waited for."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, **request: Any) -> dict[str, Any]:
        """The reply to a request, which comes when Kafka has the events that it caused."""
        number = next(self._numbers)
        self.tell(**request, id=number)
        while True:
            reply = self._said.get(timeout=20 * HOPE)
            if reply.get("id") == number:
                assert reply["ok"], reply
                return reply

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End it whatever its state."""
        if hasattr(self, "_process"):
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdin is not None
            self._process.stdin.close()

    @staticmethod
    def _listen(process: subprocess.Popen[bytes], said: queue.Queue[dict[str, Any]]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                said.put(json.loads(line))
        said.put({})  # whoever waits for a line hears that there will be none
