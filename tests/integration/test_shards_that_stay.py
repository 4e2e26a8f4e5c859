"""Shards that stay with their worker go on while others come and go, and while an FL is added."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flrouter.settings.model import Settings
from tests.cli.command import flrouter
from tests.support.api import ask
from tests.support.deployment import Worker
from tests.support.herd import herd
from tests.support.load import assert_no_errors, name_of

pytestmark = pytest.mark.broker


class Watch(threading.Thread):
    """Asks a worker again and again whether it is ready, and which shards it serves."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(daemon=True)
        self._worker = worker
        self._over = threading.Event()
        self.reasons: set[str] = set()
        self.served: list[set[int]] = []

    def run(self) -> None:
        """Ask until it is over."""
        while not self._over.wait(0.02):
            readyz = ask(self._worker, "/readyz")
            if readyz.status != 200:
                self.reasons.add(readyz.body.decode())
            [worker] = ask(self._worker, "/api/v1/workers?local=true").json["items"]
            self.served.append(set(worker["shards"]))

    def end(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join()


@contextmanager
def serving(worker: Worker) -> Iterator[set[int]]:
    """Meanwhile a worker is ready all the time, and serves the shards that it begins and ends with.

    They are there when it is over.
    """
    before = set(worker.stats()["shards"])
    stays: set[int] = set()
    watch = Watch(worker)
    watch.start()
    try:
        yield stays
    finally:
        watch.end()
    stays.update(before.intersection(worker.stats()["shards"]))
    assert stays
    assert not watch.reasons
    assert all(served >= stays for served in watch.served)
    assert len(watch.served) > 10


def taken_over(worker: Worker, shards: Collection[int]) -> list[int]:
    """Those of these shards that a worker says it took over, once for each time."""
    lines = [line for line in worker.output().splitlines() if "took over shards [" in line]
    numbers = [line.split("[")[-1].split("]")[0].split(", ") for line in lines]
    return [int(number) for line in numbers for number in line if int(number) in shards]


def test_shards_that_stay_serve_while_the_group_deals(broker_url: str, work_folder: Path) -> None:
    """A worker joins, another leaves, an FL is added: no shard that stays is taken over again."""
    # On a busy machine the embedded broker lets workers wait for some five seconds after their
    # leader has dealt, and does not say whether they are members: they have the default there.
    embedded = urlsplit(broker_url).scheme == "tansu"
    patient = {"session_timeout": Settings().session_timeout} if embedded else {}
    with herd(broker_url, work_folder, **patient) as workers:
        stayer = workers.workers[1]
        settings = workers.deployment.settings
        with serving(stayer) as first:
            workers.join()
        with serving(stayer) as second:
            workers.leave()
        with serving(stayer) as third:
            before = {worker: worker.readiness for worker in workers.workers}
            added = flrouter("floodlight", "add", "fl-2", settings=settings)
            assert added.returncode == 0, added.stderr
            for worker, times in before.items():
                worker.wait_ready(times + 1)  # the group has dealt the topics of the FL
            workers.work_on()
        stayed = first & second & third
        assert sorted(taken_over(stayer, stayed)) == sorted(stayed)
        total = workers.finish()
        assert_no_errors(workers.requester)
        repeated = [n for n in range(total) if len(workers.requester.answers_to(name_of(n))) > 1]
        assert not repeated, f"{len(repeated)} of {total} answered again: {repeated[:20]}"
