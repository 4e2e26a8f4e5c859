"""Workers that are killed, join and leave, under load and with thousands of commands pending."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from flrouter.core.table import TABLES
from tests.support.changelogs import mentions, tables, wait_kept, wait_table
from tests.support.deployment import Deployment, Worker
from tests.support.patience import PATIENCE
from tests.support.plain import (
    INSTALL,
    Behaviour,
    Floodlight,
    Requester,
    command,
    echo,
    error_type,
    switch_id,
)

pytestmark = [pytest.mark.broker, pytest.mark.kafka]

SWITCHES = [switch_id(0x2000 + number) for number in range(200)]
PENDING = 5000
RATE = 600
#: commands without an answer; a machine that cannot keep up gets a lower rate, not a longer queue.
IN_FLIGHT = 2000


def name_of(number: int) -> str:
    """The correlation id of the load's command `number`."""
    return f"load-{number}"


class Load(threading.Thread):
    """Commands at a steady rate, each to a source partition that says nothing of its switch."""

    def __init__(self, requester: Requester, rate: float) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._requester = requester
        self._rate = rate
        self._stop_sending = threading.Event()

    @staticmethod
    def target(number: int, partitions: int) -> tuple[str, int]:
        """The switch and the source partition of command `number`."""
        return SWITCHES[number // partitions % len(SWITCHES)], number % partitions

    def run(self) -> None:
        """Post until `finish`."""
        answers = self._requester.by_id
        at = time.monotonic()
        partitions = len(self._requester.partitions)
        for number in count():
            # Who was held up for long does not make up for it: that would be another load.
            at = max(at + 1 / self._rate, time.monotonic() - 0.1)
            if self._stop_sending.wait(max(0.0, at - time.monotonic())):
                break
            while number - len(answers) >= IN_FLIGHT and not self._stop_sending.wait(0.05):
                pass
            switch, partition = self.target(number, partitions)
            payload = {"clazz": INSTALL, "switch_id": switch, "serial": number}
            self._requester.post(command(payload, name_of(number)), partition=partition)
            self.sent = number + 1

    def finish(self) -> int:
        """Stop; how many commands lie in the inbound topic now."""
        self._stop_sending.set()
        self.join(30)
        self._requester.flush()
        return self.sent


def wait_all(
    deployment: Deployment, requester: Requester, fl: Floodlight, total: int, timeout: float
) -> None:
    """Wait until each of the commands has an answer, or fail and say which have none."""
    try:
        requester.until(lambda: len(requester.by_id) >= total, timeout, "all answers")
    except TimeoutError:
        missing = [n for n in range(total) if not requester.answers_to(name_of(n))]
        lanes: Counter[str] = Counter()
        for number in missing:
            switch, partition = Load.target(number, len(requester.partitions))
            lanes[f"from partition {partition} to shard {deployment.home(switch)}"] += 1
        reached = {request.serial for request in fl.received}.intersection(missing)
        pytest.fail(
            f"{len(missing)} of {total} commands unanswered, {len(reached)} of them reached the"
            f" FL; {dict(lanes)}; the first: {missing[:20]}"
        )


def assert_no_errors(requester: Requester) -> None:
    """No command failed: the FL answered all of them at once."""
    kinds = Counter(filter(None, map(error_type, requester.answers)))
    first = next((answer.message for answer in requester.answers if error_type(answer)), None)
    assert not kinds, f"{dict(kinds)}, for example {first}"


def test_no_pending_command_is_lost_when_all_workers_are_killed(
    broker_url: str, work_folder: Path
) -> None:
    """Answers that came while no worker ran, past their deadline, are answers and not timeouts."""
    response_timeout = 15.0 * PATIENCE
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1", "fl-2"],
        ack_timeout=10 * PATIENCE,
        response_timeout=response_timeout,
        alive_timeout=6 * PATIENCE,
    ) as deployment:
        deployment.create_topics()
        fl = deployment.floodlight("fl-1", switches=SWITCHES)
        deployment.floodlight("fl-2")
        requester = deployment.requester(only=[deployment.topic("flow")])
        workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        fl.until(lambda: fl.sync_requests, 20, "a sync request")
        warm_up(requester)
        fl.default = Behaviour(echo, hold=True)
        before = len(fl.received)

        for number in range(PENDING):
            switch, partition = Load.target(number, len(requester.partitions))
            payload = {"clazz": INSTALL, "switch_id": switch, "serial": number}
            requester.post(command(payload, name_of(number)), partition=partition)
        requester.flush()
        fl.until(lambda: len(fl.received) >= before + PENDING, 30, "5,000 commands at the FL")
        last = time.monotonic()
        for worker in workers:
            worker.kill()
        early = [answer.message for answer in requester.answers]
        assert not early, f"{len(early)} answers while the FL held all back: {early[:3]}"
        assert len({r.serial for r in fl.received if r.serial is not None}) == PENDING

        fl.default = Behaviour(echo)
        fl.release()
        time.sleep(max(0.0, last + response_timeout - time.monotonic()))  # the deadlines pass
        workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        wait_all(deployment, requester, fl, PENDING, 60)
        assert_no_errors(requester)
        deployment.assert_running(*workers)

        wait_table(deployment, "pending", lambda table: not table)
        found = tables(deployment)
        assert not found["pending"]
        assert not found["blacklist"]
        for switch in SWITCHES:
            claims = [
                key for key, value in found["switches"].items() if mentions(key, value, switch)
            ]
            assert len(claims) == 1
            assert mentions(claims[0], found["switches"][claims[0]], "fl-1")
            assert claims[0][0] == deployment.home(switch)
        for name in ("fl-1", "fl-2"):
            assert any(mentions(*entry, name) for entry in found["floodlights"].items())
        for name in TABLES:
            wait_kept(deployment, workers, name)


def warm_up(requester: Requester) -> None:
    """Wait until commands to each switch are answered, then forget those answers."""
    for switch in SWITCHES:
        requester.post(command({"clazz": INSTALL, "switch_id": switch}, f"warm {switch}"), switch)
    for switch in SWITCHES:
        assert error_type(requester.wait(f"warm {switch}", timeout=30)[0]) is None
    requester.forget()


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
        worker = self.workers.pop(0)
        before = self._readiness()
        worker.terminate()
        self._wait_again(before)
        self.work_on()

    def kill(self) -> None:
        """The oldest worker is killed."""
        worker = self.workers.pop(0)
        before = self._readiness()
        worker.kill()
        self._wait_again(before)
        self.work_on()

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

    def _readiness(self) -> dict[Worker, int]:
        return {worker: worker.readiness for worker in self.workers}

    def _wait_again(self, before: dict[Worker, int]) -> None:
        for worker, times in before.items():
            worker.wait_ready(times + 1)


@pytest.fixture
def herd(broker_url: str, work_folder: Path) -> Iterator[Herd]:
    """Two workers under load; timeouts that a busy machine's FL keeps."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        ack_timeout=20 * PATIENCE,
        response_timeout=20 * PATIENCE,
        alive_timeout=10 * PATIENCE,
    ) as deployment:
        herd = Herd(deployment)
        try:
            yield herd
        finally:
            herd.load.finish()


def test_clean_joins_and_leaves_repeat_nothing(herd: Herd) -> None:
    """Ten times a worker joins or leaves: each command reaches the FL once and is answered once."""
    for _ in range(5):
        herd.join()
        herd.leave()
    total = herd.finish()
    assert_no_errors(herd.requester)
    herd.assert_order_kept()
    again = Counter(request.serial for request in herd.fl.received)
    assert len(again) == total
    twice = [number for number, times in again.items() if times > 1]
    assert not twice, f"the FL was given {len(twice)} of {total} commands again: {twice[:20]}"
    repeated = [n for n in range(total) if len(herd.requester.answers_to(name_of(n))) > 1]
    assert not repeated, f"{len(repeated)} of {total} answered again: {repeated[:20]}"


def test_killed_workers_lose_nothing(herd: Herd) -> None:
    """Ten times a worker joins or is killed: every command is answered, and in order."""
    for _ in range(5):
        herd.join()
        herd.kill()
    herd.finish()
    assert_no_errors(herd.requester)
    herd.assert_order_kept()
