"""An operator drains an FL under load, and lets it work again (issue 7, row 4)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deployment import Deployment, Worker
from tests.support.patience import PATIENCE
from tests.support.plain import (
    INSTALL,
    Behaviour,
    Requester,
    command,
    error_type,
    info,
    switch_id,
)

pytestmark = pytest.mark.broker

SHARED = [switch_id(number) for number in range(1, 21)]
ALONE = switch_id(99)
#: commands a second.
RATE = 500
SETTLE = 1.5 * PATIENCE


def speaks_for(worker: Worker) -> Counter[str]:
    """FL → switches that it speaks for."""
    floodlights = worker.stats()["floodlights"].items()
    return Counter({name: found["switches"] for name, found in floodlights})


def moves(worker: Worker) -> Counter[str]:
    """FL → how many switches were moved to it so far."""
    return Counter(worker.stats()["counts"].get("moves", {}))


class Load(threading.Thread):
    """Sends commands at a steady rate, to one switch after the other."""

    def __init__(self, requester: Requester) -> None:
        super().__init__(daemon=True)
        self.names: list[str] = []
        self._requester = requester
        self._enough = threading.Event()

    def run(self) -> None:
        """Send those that are due, a hundred times a second."""
        began = time.monotonic()
        while not self._enough.wait(0.01):
            while len(self.names) < RATE * (time.monotonic() - began):
                number = len(self.names)
                switch = SHARED[number % len(SHARED)]
                name = f"drain-{number}"
                payload = {"clazz": INSTALL, "switch_id": switch, "serial": name}
                self._requester.post(command(payload, name), switch)
                self.names.append(name)

    def end(self) -> None:
        """Send no more; returns when all lie in Kafka."""
        self._enough.set()
        self.join()
        self._requester.flush()


@contextmanager
def load(requester: Requester) -> Iterator[Load]:
    """Commands meanwhile; at the end each must have had its one answer."""
    found = Load(requester)
    found.start()
    try:
        yield found
    finally:
        found.end()
    requester.until(lambda: all(name in requester.by_id for name in found.names), 30, "all answers")
    for name in found.names:
        (answer,) = requester.answers_to(name)
        assert error_type(answer) is None, answer.payload


def test_an_fl_is_drained_under_load_and_comes_back(broker_url: str, work_folder: Path) -> None:
    """Its switches go to the other FL, what is pending ends there, and they come back once."""
    with Deployment(
        broker_url, work_folder, settle_time=SETTLE, ack_timeout=20, response_timeout=20
    ) as deployment:
        deployment.create_topics()
        first = deployment.floodlight("fl-1", switches=[*SHARED, ALONE])
        second = deployment.floodlight("fl-2", switches=SHARED)
        for fl in (first, second):
            fl.default = Behaviour(info(), after=0.2)
        requester = deployment.requester(only=[deployment.topic("flow")])
        worker = deployment.start_worker()

        def wait(expected: dict[str, int], doing: str) -> None:
            requester.until(lambda: speaks_for(worker) == Counter(expected), 30, doing)

        deployment.tell_shard("PreferFloodlight", "fl-1", None, 200)
        wait({"fl-1": 21, "fl-2": 0}, "fl-1 to have all switches, which prefer it")

        with load(requester) as sent:
            requester.until(lambda: len(first.received) > RATE, 20, "commands at fl-1")
            # Not before: a move is counted when it is durable, just as these commands are.
            before = moves(worker)
            deployment.tell_shard("DrainFloodlight", "fl-1", True)
            wait({"fl-1": 1, "fl-2": 20}, "fl-1 to be empty but for the switch that only it has")
            requester.until(lambda: len(second.received) > RATE, 20, "commands at fl-2")
            at_first = len(first.received)
            requester.until(lambda: len(second.received) > 2 * RATE, 20, "more commands at fl-2")
            assert len(first.received) == at_first, "it is given no more"
            deployment.tell_shard("DrainFloodlight", "fl-1", False)
            wait({"fl-1": 21, "fl-2": 0}, "the switches to come back")
            requester.until(lambda: len(first.received) > at_first + RATE, 20, "commands at fl-1")
            # Once: nothing moves any more while the next look for preferences passes by.
            since = len(sent.names)
            requester.until(lambda: len(sent.names) > since + 2 * SETTLE * RATE, 30, "a while")

        assert moves(worker) - before == Counter({"fl-1": 20, "fl-2": 20})
        assert worker.output().count("floodlight fl-1 is drained") == len(
            {deployment.home(switch) for switch in (*SHARED, ALONE)}
        )
        deployment.assert_running()
