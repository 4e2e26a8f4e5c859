"""FLs that do not list their switches, or not all, or have none: issue 3, row 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.plain import O, command, error_type, switch_id, sync_chain

pytestmark = pytest.mark.broker

RETRIES = 2


def test_half_a_chain_none_and_an_empty_one(broker_url: str, work_folder: Path) -> None:
    """Each is asked again by itself, until an error names it; the empty chain is whole."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-half", "fl-silent", "fl-empty"],
        alive_interval=0.3,
        alive_timeout=8 * PATIENCE,
        sync_timeout=1 * PATIENCE,
        sync_retries=RETRIES,
        sync_interval=0,
    ) as deployment:
        deployment.create_topics()
        switches = [switch_id(number) for number in range(1, 5)]
        half = deployment.floodlight("fl-half", switches=switches)
        half.sync = lambda request, held: sync_chain(request, held)[:2]
        silent = deployment.floodlight("fl-silent", switches=[switch_id(9)])
        silent.sync = lambda request, held: ()
        empty = deployment.floodlight("fl-empty")
        requester = deployment.requester(only=[deployment.topic("disco")])

        def errors() -> list[Record]:
            return [each for each in list(requester.answers) if error_type(each) is not None]

        deployment.start_worker()
        requester.until(lambda: len(errors()) >= 2, 40, "an error for each of the two")
        for each in errors():
            assert error_type(each) == "OPERATION_TIMED_OUT"
        named = sorted(each.payload["error-message"].split()[1] for each in errors())
        assert named == ["fl-half", "fl-silent"]
        for failing in (half, silent):
            asked = [request.correlation_id for request in failing.sync_requests]
            assert len(asked) == len(set(asked)) == 1 + RETRIES
        assert len(empty.sync_requests) == 1
        told = [
            each.payload["switch_id"]
            for each in list(requester.answers)
            if str(each.payload.get("clazz")).endswith("UnmanagedSwitchNotification")
        ]
        assert sorted(told) == switches[:2], "what half of a chain lists is not known for certain"

        # The next one who asks is told too, by the id of the request.
        half.sync = silent.sync = sync_chain
        request = {"clazz": f"{O}.command.discovery.NetworkCommandData"}
        requester.send(command(request, "again"))
        links = requester.wait_where(
            lambda each: str(each.message.get("correlation_id")).startswith("again~"), 4 + 1 + 1
        )
        assert len({each.message["correlation_id"] for each in links}) == 3
        assert len(errors()) == 2
        deployment.assert_running()
