"""A router that is frozen must not take its own silence for that of its FLs: issue 3, row 6."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.network import unmanaged
from tests.support.patience import PATIENCE
from tests.support.plain import O, command, switch_id
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker

ALIVE_TIMEOUT = 2 * PATIENCE


@pytest.mark.parametrize(
    "session_timeout",
    [1.5 * ALIVE_TIMEOUT, 4.5 * ALIVE_TIMEOUT],
    ids=["out of its session", "within it"],
)
def test_a_frozen_router(broker_url: str, work_folder: Path, session_timeout: float) -> None:
    """Paused for 3 × ALIVE_TIMEOUT, with FLs that are alive all the time: no outage."""
    with Deployment(
        broker_url,
        work_folder,
        alive_interval=0.3,
        alive_timeout=ALIVE_TIMEOUT,
        sync_timeout=10 * PATIENCE,
        sync_interval=0,
        session_timeout=session_timeout,
    ) as deployment:
        deployment.create_topics()
        for number, name in enumerate(deployment.floodlights):
            SimulatedFloodlight(deployment, name).start(
                *(switch_id(100 * number + each) for each in range(10))
            )
        worker = deployment.start_worker()
        requester = deployment.requester(only=[deployment.topic("disco")])
        said = deployment.tap(*(deployment.write_topic(name) for name in deployment.floodlights))

        def signs_of_life() -> int:
            return sum(b"AliveResponse" in (each.value or b"") for each in list(said.records))

        said.until(lambda: signs_of_life() >= 4, 20, "signs of life of both")
        worker.freeze()
        time.sleep(3 * ALIVE_TIMEOUT)  # being frozen is what is tested
        worker.thaw()
        before = signs_of_life()
        # Several alerts have been armed and disarmed, and a sync has gone through, by then.
        said.until(lambda: signs_of_life() >= before + 20, 40, "signs of life after the pause")
        request = {"clazz": f"{O}.command.discovery.NetworkCommandData"}
        requester.send(command(request, "after"))
        requester.wait_where(
            lambda each: str(each.message.get("correlation_id")).startswith("after~"),
            count=20,
            timeout=40,
        )
        assert not unmanaged(requester.answers)
        assert "outage of floodlight" not in worker.output()
        deployment.assert_running()
