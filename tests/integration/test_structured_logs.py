"""A worker whose log is read by a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, command, error_type, switch_id

pytestmark = pytest.mark.broker


def test_every_line_is_json_and_a_failed_command_is_found_by_its_id(
    broker_url: str, work_folder: Path
) -> None:
    """From the first line to the last, whatever happens in between."""
    with Deployment(broker_url, work_folder, floodlights=["fl-1"], log_format="json") as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=[switch_id(1)])
        requester = deployment.requester()
        dead = deployment.tap(deployment.dead_letters)
        worker = deployment.start_worker()
        nobody = {"clazz": INSTALL, "switch_id": switch_id(9)}
        requester.send(command(nobody, "op-nobody"))
        [answer] = requester.wait("op-nobody")
        assert error_type(answer) == "NOT_FOUND"
        broken = requester.send(b'{"correlation_id": "op-broken", ')
        dead.wait_for(lambda record: record.headers["flrouter-offset"] == b"%d" % broken.offset)
        worker.terminate()
        lines = [json.loads(line) for line in worker.output().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    found = [line for line in lines if line.get("correlation_id") == "op-nobody"]
    assert [line["level"] for line in found] == ["info"]
    assert "NOT_FOUND: no floodlight holds switch" in found[0]["message"]
    assert found[0]["request"].startswith(f"{deployment.inbound}/")
    levels = [line["level"] for line in lines if line.get("correlation_id") == "op-broken"]
    assert sorted(levels) == ["info", "warning"]
