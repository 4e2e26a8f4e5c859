"""A broker that cannot be reached: what a worker says of it, and that it goes on when it can."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from flrouter import embedded
from tests.cli.command import Running, typed
from tests.support.api import ask, until
from tests.support.clients import create_topics
from tests.support.deployment import Deployment, Worker
from tests.support.patience import HOPE, PATIENCE
from tests.support.plain import switch_id

pytestmark = pytest.mark.broker


def warnings(output: str) -> Counter[str]:
    """The warnings and errors that were logged; numbers in them do not count."""
    found = re.findall(r"\[(?:WARNING|ERROR|CRITICAL)\] (.*)", output)
    return Counter(re.sub(r"\d+(\.\d+)?", "#", line).strip() for line in found)


def test_a_worker_says_what_it_cannot_reach() -> None:
    """At the start the setting, the address and the error, and no word of the Kafka clients; and it
    serves as soon as the broker is there. When that is killed, the same, and what fails once each.
    """
    port, web = embedded.free_port(), str(embedded.free_port())
    settings = {"broker": f"tansu://127.0.0.1:{port}", "partitions": 2, "session_timeout": 6}
    told = f"FLROUTER_BROKER is tansu://127.0.0.1:{port}"
    why = f"127.0.0.1:{port}: Connection refused"
    with Running("worker", "-l", "info", "--web-port", web, settings=settings) as worker:
        line = worker.wait_for("cannot connect", timeout=60 * HOPE)
        assert told in line
        assert why in line
        assert list(warnings(worker.output).values()) == [1]
        broker = embedded.start(port)
        try:
            worker.wait_for("Worker ready", timeout=60 * HOPE)
            served = len(worker.output)
            broker.kill()
            broker.wait(10)
            until(lambda: worker.output[served:], lambda text: told in text, timeout=60)
            said = warnings(worker.output[served:])
            assert set(said.values()) == {1}, said
        finally:
            broker.kill()
            broker.wait(10)
        worker.signal(signal.SIGKILL)


class Seen(NamedTuple):
    """What a worker shows to whoever looks."""

    exit_status: int
    status: str
    readyz: tuple[int, str]
    #: the states of FLs, of the API and on the dashboard.
    states: list[str]
    #: what the dashboard says of workers that are not ready, and what people should see to.
    reasons: list[str]
    warnings: list[str]


def look(deployment: Deployment, worker: Worker) -> Seen:
    """Look at it everywhere."""
    url = f"http://127.0.0.1:{worker.web_port}"
    status = typed("status", settings=deployment.settings | {"worker_url": url})
    readyz = ask(worker, "/readyz")
    page = ask(worker, "/dashboard/snapshot").json
    rows = ask(worker, "/api/v1/floodlights").json["items"] + page["floodlights"]
    return Seen(
        status.exit_code,
        status.output,
        (readyz.status, readyz.body.decode()),
        [row["state"] for row in rows],
        [row["reason"] for row in page["workers"] if not row["ready"]],
        [text for row in page["workers"] for text in row["warnings"]],
    )


class Own:
    """A broker of the test's own, in memory: what was in it is gone when it is started again."""

    def __init__(self) -> None:
        self.port = embedded.free_port()
        self.url = f"tansu://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it, empty."""
        self._process = embedded.start(self.port)

    def signal(self, number: int) -> None:
        """Freeze it, or let it go on."""
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def broker() -> Iterator[Own]:
    """One that runs."""
    own = Own()
    own.start()
    try:
        yield own
    finally:
        own.kill()


def test_every_worker_tells_what_is_wrong_with_its_broker(broker: Own, work_folder: Path) -> None:
    """That it is frozen or gone, before the lease of its shards runs out; and when it is back and
    empty, and somebody made topics of another size, which these are and what to do: in `status`
    and its exit status, `/readyz`, the API, on the dashboard and in the log.
    """
    away = f"cannot connect to the broker (FLROUTER_BROKER is {broker.url}): "
    with Deployment(
        broker.url,
        work_folder,
        floodlights=["fl-1"],
        partitions=8,
        session_timeout=10 * PATIENCE,
        alive_timeout=60 * PATIENCE,
        sync_timeout=60 * PATIENCE,
        sync_interval=0,
    ) as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=[switch_id(1)])
        workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()

        def all_show(holds: Callable[[Seen], object]) -> None:
            for worker in workers:
                until(lambda worker=worker: look(deployment, worker), holds, timeout=40)

        def is_well(seen: Seen) -> bool:
            return (seen.exit_status, seen.states) == (0, ["up"] * 2)

        def is_away(seen: Seen) -> bool:
            return (
                (seen.exit_status, seen.status.count(away), seen.readyz[0]) == (1, 2, 503)
                and seen.readyz[1].startswith(away)
                and seen.states == ["unknown"] * 2
                and len(seen.reasons) == 2
                and all(reason.startswith(away) for reason in seen.reasons)
            )

        all_show(is_well)
        broker.signal(signal.SIGSTOP)
        all_show(is_away)
        broker.signal(signal.SIGCONT)
        all_show(is_well)
        broker.kill()
        all_show(is_away)
        for worker in workers:
            first, *more = re.findall(
                f"{re.escape(away)}.*|no answer from the group", worker.output()
            )
            assert first.startswith(away)
            lines = [line for line in (first, *more) if line.startswith(away)]
            assert len(set(lines)) == len(lines), "a line that comes again"
            worker.freeze()

        broker.start()
        own, written = f"{deployment.name}-shards", deployment.write_topic("fl-1")
        create_topics(deployment.bootstrap, {own: 4, written: 4})
        for worker in workers:
            worker.thaw()
        told = [
            f"topic {own} has 4 partitions, the router needs 8: set FLROUTER_PARTITIONS=4, stop",
            f"floodlight fl-1 is left out: topic {written} has 4 partitions, the router needs at"
            f" least 8: kafka-topics.sh --alter --topic {written} --partitions 8",
        ]
        all_show(
            lambda seen: all(
                text in seen.status and any(text in warning for warning in seen.warnings)
                for text in told
            )
        )
        for worker in workers:
            until(worker.output, lambda said: all(text in said for text in told))
