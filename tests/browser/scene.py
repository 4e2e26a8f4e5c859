"""What the browser looks at: a router of two workers, some simulated FLs, and commands."""

from __future__ import annotations

import threading
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from flrouter.embedded import free_port
from tests.support.api import ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.plain import INSTALL, Requester, command, switch_id
from tests.support.simulated import SimulatedFloodlight

#: with which things may be changed.
TOKEN = "correct-horse-battery-staple"


class Scene:
    """All of it, running.

    Args:
        deployment: of these FLs, with its topics made.
        switches: of each FL.
    """

    def __init__(self, deployment: Deployment, switches: int) -> None:
        self.deployment = deployment
        workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        self.worker: Worker = workers[0]
        self.floodlights = {
            name: SimulatedFloodlight(deployment, name) for name in deployment.floodlights
        }
        self.switches = [
            switch_id(1 + number) for number in range(switches * len(self.floodlights))
        ]
        with ThreadPoolExecutor() as starting:
            for index, floodlight in enumerate(self.floodlights.values()):
                own = self.switches[index * switches : (index + 1) * switches]
                starting.submit(floodlight.start, *own)
        self.requester: Requester = deployment.requester()
        known = len(self.switches)
        until(self._known, known.__eq__, timeout=40)

    def _known(self) -> int:
        """Switches whose FLs answer, all of them."""
        self.deployment.assert_running()
        try:
            floodlights = ask(self.worker, "/api/v1/floodlights").json["items"]
            rows = ask(self.worker, "/api/v1/shards").json["items"]
        except urllib.error.URLError:  # a worker opens its port a moment after it is ready
            return 0
        # A busy machine may keep one for so long that it does not count as answering.
        if any(floodlight["state"] != "up" for floodlight in floodlights):
            return 0
        return sum(row["switches"] for row in rows)

    def url(self, path: str = "") -> str:
        """Of a page of the dashboard."""
        return f"http://127.0.0.1:{self.worker.web_port}/dashboard/{path}"

    def command(self, name: str, switch: str) -> None:
        """Send a command, and wait for its answer."""
        self.requester.send(command({"clazz": INSTALL, "switch_id": switch}, name), switch)
        self.requester.wait(name, timeout=20)

    @contextmanager
    def commands(self, per_second: int) -> Iterator[None]:
        """Commands to one switch after the other meanwhile."""
        enough = threading.Event()

        def send() -> None:
            number = 0
            while not enough.wait(1 / per_second):
                switch = self.switches[number % len(self.switches)]
                payload = {"clazz": INSTALL, "switch_id": switch}
                self.requester.post(command(payload, f"load-{number}"), switch)
                number += 1

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()


@contextmanager
def scene(
    url: str, folder: Path, floodlights: int = 3, switches: int = 4, *, history: bool = False
) -> Iterator[Scene]:
    """A scene on this broker, and its history if it is to have one."""
    names = [f"fl-{number}" for number in range(1, floodlights + 1)]
    settings: dict[str, object] = {}
    history_port = free_port()
    if history:
        settings = {"history": "true", "history_url": f"http://127.0.0.1:{history_port}"}
        settings["history_database"] = folder / "history"
    # Longer than a page takes to notice that its worker is frozen.
    with Deployment(
        url, folder, floodlights=names, partitions=8, session_timeout=10, token=TOKEN, **settings
    ) as deployment:
        deployment.create_topics()
        stage = Scene(deployment, switches)
        if history:
            deployment.start_history_worker(history_port)
        yield stage
        deployment.assert_running()
