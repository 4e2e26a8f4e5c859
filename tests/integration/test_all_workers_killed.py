"""All workers are killed while thousands of commands are pending."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flrouter.core.state.table import TABLES
from tests.support.changelogs import mentions, tables, wait_kept, wait_table
from tests.support.deployment import Deployment
from tests.support.load import SWITCHES, Load, assert_no_errors, name_of, wait_all, warm_up
from tests.support.patience import PATIENCE
from tests.support.plain import INSTALL, Behaviour, command, echo

# A minute of waiting on Kafka: CI has test_killed_under_load.py there, a release this one too.
pytestmark = [pytest.mark.broker, pytest.mark.kafka, pytest.mark.release]

PENDING = 5000


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
