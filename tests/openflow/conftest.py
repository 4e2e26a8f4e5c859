"""Open vSwitch in a folder of its own per test, and a router whose FLs are for real switches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openflow.network import Network
from tests.openflow.switches import Switches
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.programs import OPEN_VSWITCH, require

_folders = itertools.count()


@pytest.fixture
def ovs(tmp_path: Path) -> Iterator[Switches]:
    """Open vSwitch without any bridge; its logs are in the report of a failed test's folder."""
    require(OPEN_VSWITCH)
    switches = Switches(tmp_path / "ovs")
    switches.start()
    try:
        yield switches
    finally:
        switches.stop()


@pytest.fixture
def network(ovs: Switches, broker_url: str, work_folder: Path) -> Iterator[Network]:
    """A router and three FLs, none of which runs yet."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1", "fl-2", "fl-3"],
        # Errors are to come from what happens at a switch, not from a busy machine.
        ack_timeout=10 * PATIENCE,
        response_timeout=20 * PATIENCE,
        alive_timeout=2 * PATIENCE,
        sync_timeout=5 * PATIENCE,
        sync_interval=0,
    ) as deployment:
        deployment.create_topics()
        made = Network(ovs, deployment)
        yield made
