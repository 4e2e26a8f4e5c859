"""Real worker processes, under names that no other test uses."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
from kafka.partitioner.default import murmur2

from flrouter import embedded
from flrouter.embedded import free_port
from tests.openkilda.schemas import unreadable
from tests.support import processes
from tests.support.clients import (
    EMBEDDED,
    Reading,
    Tap,
    Writer,
    create_topics,
    delete_topics,
    read_all,
)
from tests.support.patience import HOPE, PATIENCE
from tests.support.plain import Floodlight, Requester
from tests.support.stats import stats

#: of each topic that requesters read: two tell whether the links of a chain stay together.
ANSWER_PARTITIONS = 2

_READY = "Worker ready"
_living: list[Deployment] = []
#: the logs of those that a failure has closed, until it is reported.
_failed: list[tuple[str, str]] = []


class Worker:
    """One `python -m flrouter worker`, with its output in a file."""

    module = "flrouter"
    arguments: tuple[str, ...] = ()

    def __init__(
        self, name: str, folder: Path, environ: Mapping[str, str], web_port: int | None = None
    ) -> None:
        self.name = name
        self.web_port = web_port or free_port()
        #: whom to trust where it speaks TLS; None: it speaks plain HTTP.
        self.web_cafile = environ.get("FLROUTER_WEB_CAFILE")
        self.log = folder / f"{name}.log"
        home = folder / name
        home.mkdir()
        self.log.touch()
        self._process = processes.start(
            self.module,
            [*self.arguments, "worker", "-l", "info", "--web-port", str(self.web_port)],
            environ=environ,
            folder=home,
            log=self.log,
        )

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.is_alive()

    @property
    def readiness(self) -> int:
        """How often it has taken its shards so far."""
        return self.output().count(_READY)

    def output(self, lines: int | None = None) -> str:
        """What it wrote, or the last lines of that."""
        text = self.log.read_text(errors="replace")
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def stats(self) -> dict[str, Any]:
        """What it says of its own shards."""
        return stats(self.web_port)

    def wait_ready(self, times: int = 1, timeout: float = 40.0) -> None:
        """Wait until it has taken its shards for the `times`-th time."""
        until = time.monotonic() + timeout * HOPE
        while self.readiness < times:
            if not self.running:
                raise RuntimeError(f"{self.name} ended by itself:\n{self.output(40)}")
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} not ready {times}x after {timeout} s")
            time.sleep(0.05)

    def terminate(self, timeout: float = 30 * HOPE) -> None:
        """Ask it to stop, as an operator does, and wait until it has."""
        self._process.terminate()
        self._ended(timeout)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._ended(10)

    def freeze(self) -> None:
        """Let it do nothing (SIGSTOP) until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        self._signal(signal.SIGCONT)

    def wait_ended(self, timeout: float = 30 * HOPE) -> int:
        """Wait until it has ended by itself; its exit code."""
        self._ended(timeout)
        assert self._process.exitcode is not None
        return self._process.exitcode

    def close(self) -> None:
        """End it whatever its state."""
        if self.running:
            self.kill()

    def _signal(self, which: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, which)

    def _ended(self, timeout: float) -> None:
        self._process.join(timeout)
        if self.running:
            raise TimeoutError(f"{self.name} still runs after {timeout} s")


class Listener(Worker):
    """One `faust -A flrouter.network worker`."""

    module = "faust"
    arguments = ("-A", "flrouter.network")

    def view(self) -> dict[str, Any]:
        """What it shows as JSON: each switch's state and ports; empty while it has no view."""
        try:
            with urllib.request.urlopen(f"{self.url}/network", timeout=10) as page:
                return dict(json.load(page))
        except (urllib.error.HTTPError, ConnectionError, TimeoutError, urllib.error.URLError):
            return {}

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.web_port}"

    def wait_view(self, expected: Mapping[str, Any], timeout: float = 20.0) -> None:
        """Wait until it shows this state of each switch, or this state and these ports."""
        until = time.monotonic() + timeout * HOPE
        while True:
            view = self.view()
            found = {
                name: row if isinstance(expected.get(name), dict) else row["state"]
                for name, row in view.items()
            }
            if found == expected:
                return
            if not self.running:
                raise RuntimeError(f"{self.name} ended by itself:\n{self.output(40)}")
            if time.monotonic() > until:
                wrong = {
                    name: (found.get(name), expected.get(name))
                    for name in found.keys() | expected.keys()
                    if found.get(name) != expected.get(name)
                }
                raise TimeoutError(f"after {timeout} s the view is wrong (is, should be): {wrong}")
            time.sleep(0.1)


class HistoryWorker(Worker):
    """One `flrouter history worker`."""

    arguments = ("history",)


class Deployment:
    """A router of its own on a shared broker: topics, settings and workers.

    Args:
        url: the broker, as FLROUTER_BROKER wants it.
        folder: for logs and whatever workers write.
        floodlights: FL ids, or a table of their settings, which then comes from a TOML file.
        inbound_partitions: of the inbound topic, when not as many as the router's own.
        settings: FLROUTER_* by their lower-case names.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        floodlights: Iterable[str] | Mapping[str, Mapping[str, str]] = ("fl-1", "fl-2"),
        partitions: int = 4,
        inbound_partitions: int | None = None,
        **settings: Any,
    ) -> None:
        self.url = url
        scheme, _, self.bootstrap = url.partition("://")
        if scheme == embedded.SCHEME:
            EMBEDDED.add(self.bootstrap)
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.floodlights = list(floodlights)
        self.partitions = partitions
        self.inbound = f"{self.name}.speaker"
        #: FLs of flrouter's own, which tests start as processes.
        self.own_floodlights: set[str] = set()
        #: whether a test has FLs too that it wrote by hand, with payloads of its own.
        self.has_others = False
        #: the version of OpenKilda's whose classes read what flrouter's own FLs write.
        self.version = "2019"
        self.workers: list[Worker] = []
        self._inbound_partitions = inbound_partitions or partitions
        self._exits = ExitStack()
        defaults = {
            "broker": url,
            "app_id": self.name,
            "inbound_topics": self.inbound,
            "fl_read_topic": f"{self.name}.fl.{{fl}}.read",
            "fl_write_topic": f"{self.name}.fl.{{fl}}.write",
            "partitions": partitions,
            "replication": os.environ.get("FLROUTER_TEST_REPLICATION", "1"),
            "ack_timeout": 1 * PATIENCE,
            "response_timeout": 2 * PATIENCE,
            "blacklist_ttl": 20,
            "alive_interval": 0.5,
            "alive_timeout": 2 * PATIENCE,
            "sync_timeout": 2 * PATIENCE,
            "session_timeout": 6,
        }
        for role in ("flow", "northbound", "disco", "stats", "ping"):
            defaults[f"{role}_topic"] = self.topic(role)
        if isinstance(floodlights, Mapping):
            defaults["config"] = self._config(floodlights)
        else:
            defaults["floodlights"] = ",".join(floodlights)
        self.settings = defaults | settings
        _living.append(self)

    def topic(self, role: str) -> str:
        """A topic that requesters read."""
        return f"{self.name}.{role}"

    @property
    def answer_topics(self) -> list[str]:
        """All topics where answers come without a `reply_to`."""
        return [self.topic(role) for role in ("flow", "northbound", "disco", "stats", "ping")]

    def read_topic(self, fl: str) -> str:
        """What FL `fl` reads."""
        return f"{self.name}.fl.{fl}.read"

    def write_topic(self, fl: str) -> str:
        """What FL `fl` writes."""
        return f"{self.name}.fl.{fl}.write"

    @property
    def dead_letters(self) -> str:
        """The dead-letter topic."""
        return f"{self.name}-dead-letters"

    def changelog(self, table: str) -> str:
        """The changelog topic of one of the router's tables."""
        return f"{self.name}-{table}-changelog"

    @property
    def wires(self) -> list[str]:
        """The arguments that tell an FL of flrouter's own what topics it has."""
        return [
            *("--read-topic", f"{self.name}.fl.{{fl}}.read"),
            *("--write-topic", f"{self.name}.fl.{{fl}}.write"),
        ]

    def home(self, switch: str) -> int:
        """The shard that a switch belongs to."""
        return (murmur2(switch.encode()) & 0x7FFFFFFF) % self.partitions

    def create_topics(self, *more: str) -> None:
        """Create everything that the foreign parties read or write, and `more`."""
        counts = {self.inbound: self._inbound_partitions, self.dead_letters: self.partitions}
        for fl in self.floodlights:
            counts[self.read_topic(fl)] = self.partitions
            counts[self.write_topic(fl)] = self.partitions
        for topic in (*self.answer_topics, *more):
            counts[topic] = ANSWER_PARTITIONS
        create_topics(self.bootstrap, counts)

    def floodlight(self, name: str, **how: Any) -> Floodlight:
        """A plain FL that runs until the deployment is closed."""
        fl = Floodlight(self.bootstrap, name, self.read_topic(name), self.write_topic(name), **how)
        self._exits.callback(fl.close)
        self._start(fl)
        self.has_others = True
        return fl

    def requester(
        self, *more_topics: str, only: Iterable[str] | None = None, **how: Any
    ) -> Requester:
        """A plain requester that runs until the deployment is closed; reads all topics, or some."""
        topics = [*(self.answer_topics if only is None else only), *more_topics]
        requester = Requester(self.bootstrap, self.inbound, topics, **how)
        self._exits.callback(requester.close)
        self._start(requester)
        return requester

    def _start(self, reader: Reading) -> None:
        if self.settings.get("guarantee") == "exactly_once":
            reader.isolation = "read_committed"
        reader.start()

    def on_close(self, end: Callable[[], object]) -> None:
        """Call `end` when the deployment is closed."""
        self._exits.callback(end)

    def tap(self, *topics: str) -> Tap:
        """Reads topics from their beginning until the deployment is closed."""
        tap = Tap(self.bootstrap, topics)
        self._exits.callback(tap.stop)
        tap.start()
        return tap

    def tell_shard(self, kind: str, name: str, *more: object) -> None:
        """What an operator's tools write: a record for the home of an FL or a switch."""
        writer = Writer(self.bootstrap)
        writer.send(
            f"{self.name}-shards",
            value=msgpack.packb([kind, name, *more]),
            partition=self.home(name),
            headers=[("flrouter-what", b"peer")],
        )
        writer.close()

    def start_worker(self, *, wait: bool = True) -> Worker:
        """Start one more worker, and wait until it has its shards."""
        worker = Worker(f"worker-{len(self.workers) + 1}", self.folder, self._environ())
        self.workers.append(worker)
        if wait:
            worker.wait_ready()
        return worker

    def start_history_worker(self, web_port: int | None = None) -> HistoryWorker:
        """Start one that reads the history into its database, and serves it on this port or any."""
        number = sum(isinstance(worker, HistoryWorker) for worker in self.workers) + 1
        worker = HistoryWorker(f"history-{number}", self.folder, self._environ(), web_port)
        self.workers.append(worker)
        worker.wait_ready()
        return worker

    def start_listener(self, *, wait: bool = True) -> Listener:
        """Start the listener's view, and wait until it reads."""
        number = sum(isinstance(worker, Listener) for worker in self.workers) + 1
        listener = Listener(f"listener-{number}", self.folder, self._environ())
        self.workers.append(listener)
        if wait:
            listener.wait_ready()
        return listener

    def assert_running(self, *workers: Worker) -> None:
        """Fail when one of these workers (all by default) ended by itself."""
        for worker in workers or self.workers:
            assert worker.running, f"{worker.name} ended by itself:\n{worker.output(40)}"

    def check_own_floodlights(self) -> None:
        """Fail when OpenKilda's classes could not read what flrouter's own FLs wrote so far, and
        what became of it.
        """
        topics = [*map(self.write_topic, self.own_floodlights)]
        if not self.has_others:
            topics += self.answer_topics
        records = read_all(self.bootstrap, topics)
        faults = unreadable(self.version, (record.message for record in records))
        assert faults == [], faults[:10]

    def close(self) -> None:
        """End workers, FLs and requesters."""
        try:
            self._exits.close()
        finally:
            for worker in self.workers:
                worker.close()
            _living.remove(self)
        # Brokers and clients look at all topics again and again: those that nobody uses any more
        # took most of the processor's time.
        delete_topics(self.bootstrap, self.name)

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            if failure is None and self.own_floodlights:
                self.check_own_floodlights()
        finally:
            self.close()
        if failure is not None:
            _failed.extend(self._logs())

    def _logs(self) -> list[tuple[str, str]]:
        return [(f"{worker.name} ({worker.log})", worker.output(80)) for worker in self.workers]

    def _environ(self) -> dict[str, str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("FLROUTER_")}
        return environ | {
            f"FLROUTER_{name.upper()}": str(value) for name, value in self.settings.items()
        }

    def _config(self, floodlights: Mapping[str, Mapping[str, str]]) -> Path:
        path = self.folder / "flrouter.toml"
        lines: list[str] = []
        for fl, values in floodlights.items():
            lines.append(f"[floodlights.{fl}]")
            lines += [f"{key} = {value}" for key, value in values.items()]
        path.write_text("\n".join(lines) + "\n")
        return path


def logs() -> list[tuple[str, str]]:
    """(title, text) of each worker's log now, for the report of a failure."""
    found = [*_failed, *(log for deployment in _living for log in deployment._logs())]
    _failed.clear()
    return found
