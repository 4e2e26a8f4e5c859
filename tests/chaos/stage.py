"""The stage: brokers, topics, workers and FLs, all of them real processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from flrouter.embedded import free_port
from tests.chaos.account import Takeover
from tests.chaos.wires import PLAIN, Wires
from tests.kafka.cluster import Cluster

PARTITIONS = 4
FLOODLIGHTS = ("fl-1", "fl-2", "fl-3")
SWITCHES_EACH = 40
_READY = b"Worker ready"
#: a line of a worker's log.
_TAKEOVER = re.compile(r"\[(\S+ \S+),(\d{3})\].* took over shards \[([\d, ]+)\]")


def switch_id(number: int) -> str:
    """The canonical id of switch `number`, from 1."""
    return ":".join(f"{number:016x}"[at : at + 2] for at in range(0, 16, 2))


SWITCHES = [switch_id(number + 1) for number in range(len(FLOODLIGHTS) * SWITCHES_EACH)]


class Actor:
    """A process that is killed, frozen and started again; its output goes to one file."""

    def __init__(
        self, name: str, folder: Path, arguments: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        home = folder / name
        home.mkdir()
        self._home = home
        self._arguments = [sys.executable, *arguments]
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("FLROUTER_")}
        self._environ |= environ
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0
        self._killed = False
        #: of a worker: where its pages are.
        self.web_port = 0

    def start(self) -> None:
        """Start it (again)."""
        self._killed = False
        with self.log.open("ab") as log:
            self._since = log.tell()
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self._home,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs now, or ran last."""
        assert self._process is not None
        return self._process

    def check(self) -> None:
        """Raises RuntimeError when it ended by itself."""
        status = self.process.poll()
        if status is not None and not self._killed:
            end = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.name} ended by itself with {status}:\n{end}")

    def said(self, text: bytes) -> bool:
        """Whether it wrote `text` since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._since)
            return text in log.read()

    def tell(self, **request: object) -> None:
        """Write a line of JSON to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(request) + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """`kill -9`."""
        self._killed = True
        self.process.kill()
        self._wait(10)

    def _wait(self, timeout: float) -> None:
        self.process.wait(timeout)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def freeze(self) -> None:
        """SIGSTOP: as a machine that swaps, or a virtual one that is moved."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def leave(self, timeout: float = 60.0) -> None:
        """Ask it to stop and wait until it has."""
        self.process.terminate()
        self._wait(timeout)


class Stage:
    """All actors, on brokers that are killed as well."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        guarantee: str,
        workers: int,
        wires: Wires = PLAIN,
        before: Path | None = None,
        **settings: object,
    ) -> None:
        """Args:
        wires: the topics.
        before: the code of the release before, if it is what workers run at first.
        settings: more FLROUTER_* by their lower-case names.
        """
        self.cluster = cluster
        self.guarantee = guarantee
        self.wires = wires
        self._folder = folder
        self._before = before
        self._count = 0
        #: the settings of the workers.
        self.environ = {
            "FLROUTER_BROKER": cluster.url,
            "FLROUTER_APP_ID": "chaos",
            "FLROUTER_GUARANTEE": guarantee,
            "FLROUTER_FLOODLIGHTS": ",".join(FLOODLIGHTS),
            "FLROUTER_PROFILE": wires.profile,
            "FLROUTER_PARTITIONS": str(PARTITIONS),
            "FLROUTER_REPLICATION": str(len(cluster.ids)),
            "FLROUTER_ACK_TIMEOUT": "15",
            "FLROUTER_RESPONSE_TIMEOUT": "30",
            "FLROUTER_SESSION_TIMEOUT": "6",
            **{f"FLROUTER_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.workers = [self._worker(before=before is not None) for _ in range(workers)]
        self.floodlights = [
            Actor(
                name,
                folder,
                [
                    *("-m", "flrouter.speaker", "--id", name, "--broker", cluster.url),
                    *("--switches", str(SWITCHES_EACH)),
                    *("--first-switch", str(number * SWITCHES_EACH + 1)),
                    *("--profile", wires.profile),
                ],
                {},
            )
            for number, name in enumerate(FLOODLIGHTS)
        ]

    def _worker(self, *, before: bool = False) -> Actor:
        self._count += 1
        port = free_port()
        arguments = ["-m", "flrouter", "worker", "-l", "info", "--web-port", str(port)]
        environ = self.environ
        if before:
            # It knows no profiles; what it has built in is the usual one.
            environ = {k: v for k, v in environ.items() if k != "FLROUTER_PROFILE"}
            environ["PYTHONPATH"] = str(self._before)
        worker = Actor(f"worker-{self._count}", self._folder, arguments, environ)
        worker.web_port = port
        return worker

    def open(self) -> None:
        """Create the topics, start all actors, and wait until the workers have their shards."""
        names = self.wires.all(FLOODLIGHTS)
        copies = len(self.cluster.ids)
        with KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap) as admin:
            admin.create_topics([NewTopic(name, PARTITIONS, copies) for name in names])
        for actor in (*self.floodlights, *self.workers):
            actor.start()
        until(lambda: all(worker.said(_READY) for worker in self.workers), 120, "the workers")

    def add_worker(self) -> Actor:
        """One more, which joins the group."""
        worker = self._worker()
        self.workers.append(worker)
        worker.start()
        return worker

    def replace(self, at: int, *, before: bool) -> None:
        """A worker leaves, and another one takes its place, of today's code or of that before."""
        self.workers[at].leave()
        worker = self.workers[at] = self._worker(before=before)
        worker.start()
        until(lambda: worker.said(_READY), 120, worker.name)

    def takeovers(self) -> list[Takeover]:
        """All that the logs of workers tell of, also of those that left."""
        found = []
        for path in self._folder.glob("worker-*.log"):
            for second, ms, numbers in _TAKEOVER.findall(path.read_text(errors="replace")):
                began = time.mktime(time.strptime(second, "%Y-%m-%d %H:%M:%S"))
                shards = frozenset(map(int, numbers.split(", ")))
                found.append(Takeover(round(began) * 1000 + int(ms), path.stem, shards))
        return found

    def check(self) -> None:
        """Raises RuntimeError when an actor ended by itself."""
        for actor in (*self.floodlights, *self.workers):
            actor.check()

    def close(self) -> None:
        """End them all."""
        for actor in (*self.floodlights, *self.workers):
            actor.kill()


def until(what: Callable[[], object], timeout: float, doing: str) -> None:
    """Wait until it is so; broker errors count as not yet. Raises TimeoutError."""
    end = time.monotonic() + timeout
    while True:
        try:
            if what():
                return
        except KafkaError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:.0f} s in vain for {doing}")
        time.sleep(0.1)
