"""Commands at a steady rate to 200 switches, and what became of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import count

import pytest

from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, Floodlight, Requester, command, error_type, switch_id

SWITCHES = [switch_id(0x2000 + number) for number in range(200)]
RATE = 300
#: commands without an answer; a machine that cannot keep up gets a lower rate, not a longer queue.
IN_FLIGHT = 1000


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


def warm_up(requester: Requester) -> None:
    """Wait until commands to each switch are answered, then forget those answers."""
    for switch in SWITCHES:
        requester.post(command({"clazz": INSTALL, "switch_id": switch}, f"warm {switch}"), switch)
    for switch in SWITCHES:
        assert error_type(requester.wait(f"warm {switch}", timeout=30)[0]) is None
    requester.forget()
