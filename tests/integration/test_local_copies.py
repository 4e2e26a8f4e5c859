"""With STORE=rocksdb a worker that comes back reads only what its copies lack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flrouter.core.state.table import TABLES
from tests.support.clients import read_all
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, command, error_type

pytestmark = [pytest.mark.broker, pytest.mark.kafka]

SWITCHES = [f"00:00:00:00:00:00:77:{number:02x}" for number in range(8)]


def _ask(deployment: Deployment, round_: int) -> None:
    requester = deployment.requester(only=[deployment.topic("flow")])
    for switch in SWITCHES:
        name = f"round {round_} of {switch}"
        requester.post(command({"clazz": INSTALL, "switch_id": switch}, name), switch)
    for switch in SWITCHES:
        answer = requester.wait(f"round {round_} of {switch}", timeout=30)[0]
        assert error_type(answer) is None


def test_a_killed_worker_goes_on_from_its_copies(broker_url: str, work_folder: Path) -> None:
    """It serves all switches again without reading the changelogs from their beginning."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        store="rocksdb",
        data_dir=str(work_folder / "copies"),
    ) as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=SWITCHES)
        worker = deployment.start_worker()
        _ask(deployment, 1)
        worker.kill()
        topics = [deployment.changelog(table) for table in TABLES]
        written = len(read_all(deployment.bootstrap, topics))
        worker = deployment.start_worker()
        _ask(deployment, 2)
        found = re.search(r"with (\d+) records", worker.output())
        assert found is not None
        # The kill may come between the last batch's changelog records and their copies.
        assert int(found[1]) < written / 2
