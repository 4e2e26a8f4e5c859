"""What workers write to the history topic, with real processes and a broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flrouter.history import record
from flrouter.history.record import Batch
from tests.support.api import ask
from tests.support.clients import read_all
from tests.support.deployment import Deployment
from tests.support.patience import HOPE
from tests.support.plain import INSTALL, command, switch_id

pytestmark = pytest.mark.broker

TOKEN = "open-sesame-1234567890"


@pytest.fixture(scope="module")
def router(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """One worker that writes a history, and an FL with one switch."""
    with Deployment(
        broker_url, work_folder, floodlights=["fl-1"], history="true", token=TOKEN
    ) as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=[switch_id(1)])
        deployment.start_worker()
        yield deployment


def batches(router: Deployment) -> list[Batch]:
    """All that lies in the history topic now."""
    records = read_all(router.bootstrap, [f"{router.name}-history"])
    return [record.decode(one.value) for one in records]


def test_requests_and_orders(router: Deployment) -> None:
    """Each request once, with its steps; each order with who gave it; and what happened."""
    requester = router.requester()
    for name, switch in (("op-1", 1), ("op-2", 99)):
        requester.send(command({"clazz": INSTALL, "switch_id": switch_id(switch)}, name))
        requester.wait(name)
    until = time.monotonic() + 30 * HOPE
    while True:
        requests = [one for batch in batches(router) for one in record.requests(batch)]
        if len(requests) >= 2 or time.monotonic() > until:
            break
    completed, refused = sorted(requests, key=lambda one: one.correlation_id)
    assert (completed.correlation_id, refused.correlation_id) == ("op-1", "op-2")
    assert (completed.floodlight, completed.switch) == ("fl-1", switch_id(1))
    assert 0 < completed.received <= completed.sent <= completed.acked <= completed.answered
    assert completed.answered <= completed.delivered
    assert completed.worker.endswith(f":{router.workers[0].web_port}")
    assert (refused.error, refused.sent) == ("NOT_FOUND", 0)


def test_what_is_left_is_written_at_the_end(router: Deployment) -> None:
    """A worker that is stopped writes what waited for company; the order is in the history."""
    worker = router.workers[0]
    for floodlight, status in (("fl-1", 202), ("fl-9", 404)):
        path = f"/api/v1/floodlights/{floodlight}/drain"
        assert ask(worker, path, {}, token=TOKEN).status == status
    worker.terminate()
    events = [one for batch in batches(router) for one in record.happened(batch)]
    orders = [one for one in events if one.kind == "order"]
    assert [(one.floodlight, one.text, one.who) for one in orders] == [
        ("fl-1", "drain", "token"),
        ("fl-9", "drain", "token"),
    ]
    assert [one.result == "done" for one in orders] == [True, False]
    assert {one.source for one in orders} == {"127.0.0.1"}
    assert "added" in {one.kind for one in events}
