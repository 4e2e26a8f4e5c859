"""Orders that the command line writes to Kafka itself are in the history too."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from flrouter.history import record
from tests.cli.command import typed
from tests.support.clients import Writer, read_all
from tests.support.deployment import Deployment
from tests.support.guarantees import GUARANTEES
from tests.support.plain import INSTALL, command

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("history", [True, False])
def test_orders_are_remembered(
    broker_url: str, work_folder: Path, guarantee: str, *, history: bool
) -> None:
    """Who, on which machine, what and with which result; nothing where there is no history."""
    with Deployment(
        broker_url, work_folder, floodlights=[], history=history, guarantee=guarantee
    ) as deployment:
        deployment.create_topics()
        deployment.start_worker()
        for order in ("add", "remove"):
            done = typed("floodlight", order, "fl-7", settings=deployment.settings)
            assert done.exit_code == 0, done.stderr
        headers = [("flrouter-reason", b"a test"), ("flrouter-topic", deployment.inbound.encode())]
        writer = Writer(deployment.bootstrap)
        for topic in (deployment.inbound, "elsewhere"):
            headers[1] = ("flrouter-topic", topic.encode())
            value = command({"clazz": INSTALL, "switch_id": "1"}, "op-1")
            writer.send(deployment.dead_letters, value=value, partition=0, headers=headers)
        writer.flush(60)
        writer.close()
        done = typed("dead-letters", "replay", "--all", settings=deployment.settings)
        assert done.exit_code == 1, done.stderr
        topic = f"{deployment.name}-history"
        orders = [
            (one.floodlight, one.text, one.result)
            for read in (read_all(deployment.bootstrap, [topic]) if history else ())
            for batch in record.decode(read.value)
            for one in record.happened(batch)
            if one.kind == "order" and one.who and one.source == socket.gethostname()
        ]
    why = "1 are put back; it is from no inbound topic, nor from an FL's"
    wanted = [
        ("fl-7", "add", "done"),
        ("fl-7", "remove", "done"),
        ("", "replay of 2 dead letters", why),
    ]
    assert sorted(orders) == (sorted(wanted) if history else [])
