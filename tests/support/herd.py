"""Workers under load, of which some come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import Deployment, Worker
from tests.support.load import RATE, SWITCHES, Load, wait_all, warm_up
from tests.support.patience import PATIENCE
from tests.support.plain import Floodlight, Requester

#: how often a worker joins and another one goes; a release is tried for longer.
ROUNDS = [2, pytest.param(10, marks=[pytest.mark.kafka_only, pytest.mark.release])]


class Herd:
    """Workers under load, of which some come and go."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        deployment.create_topics()
        self.fl: Floodlight = deployment.floodlight("fl-1", switches=SWITCHES)
        self.requester: Requester = deployment.requester(only=[deployment.topic("flow")])
        self.workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready()
        warm_up(self.requester)
        self.fl.received.clear()
        self.load = Load(self.requester, RATE)
        self.load.start()
        self.work_on()

    def work_on(self) -> None:
        """Let another second's worth of commands be answered."""
        want = len(self.requester.by_id) + RATE
        self.requester.until(lambda: len(self.requester.by_id) >= want, 60, "more answers")

    def join(self) -> None:
        """One more worker takes its share."""
        before = self._readiness()
        worker = self.deployment.start_worker(wait=False)
        worker.wait_ready()
        self._wait_again(before)
        self.workers.append(worker)
        self.work_on()

    def leave(self) -> None:
        """The oldest worker is asked to stop."""
        self._lose(Worker.terminate)

    def kill(self) -> None:
        """The oldest worker is killed."""
        self._lose(Worker.kill)

    def finish(self) -> int:
        """Stop the load and wait for the rest of the answers; how many commands there were."""
        total = self.load.finish()
        wait_all(self.deployment, self.requester, self.fl, total, 90)
        self.deployment.assert_running(*self.workers)
        return total

    def assert_order_kept(self) -> None:
        """Of each switch and source partition, the FL got the commands in the order sent."""
        last: dict[tuple[str, int], int] = {}
        seen: set[int] = set()
        wrong = []
        partitions = len(self.requester.partitions)
        for request in self.fl.received:
            number = request.serial
            if number in seen:
                continue
            seen.add(number)
            lane = Load.target(number, partitions)
            if number < last.get(lane, -1):
                wrong.append((lane, last[lane], number))
            last[lane] = max(number, last.get(lane, -1))
        assert not wrong, f"{len(wrong)} commands overtaken, for example {wrong[:5]}"

    def _lose(self, end: Callable[[Worker], None]) -> None:
        worker = self.workers.pop(0)
        before = self._readiness()
        end(worker)
        self._wait_again(before)
        self.work_on()

    def _readiness(self) -> dict[Worker, int]:
        return {worker: worker.readiness for worker in self.workers}

    def _wait_again(self, before: dict[Worker, int]) -> None:
        for worker, times in before.items():
            worker.wait_ready(times + 1)


@contextmanager
def herd(broker_url: str, folder: Path, **settings: Any) -> Iterator[Herd]:
    """Two workers under load; timeouts that a busy machine's FL keeps."""
    with Deployment(
        broker_url,
        folder,
        floodlights=["fl-1"],
        ack_timeout=20 * PATIENCE,
        response_timeout=20 * PATIENCE,
        alive_timeout=10 * PATIENCE,
        **settings,
    ) as deployment:
        workers = Herd(deployment)
        try:
            yield workers
        finally:
            workers.load.finish()
