"""A broker that cannot be reached: what a worker says of it, and that it goes on when it can."""

from __future__ import annotations

import re
import signal
from collections import Counter

import pytest

from flrouter import embedded
from tests.cli.command import Running
from tests.support.api import until
from tests.support.patience import HOPE

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
