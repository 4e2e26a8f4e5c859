"""More commands than FLs answer: the rest waits in Kafka, and none is lost or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flrouter.kafka.reader import MAX_RECORDS, MAX_UNTAKEN
from tests.support.deployment import Deployment
from tests.support.plain import (
    INFO,
    INSTALL,
    Behaviour,
    Request,
    command,
    error_type,
    switch_id,
)

pytestmark = pytest.mark.broker

MOST = 10_000
#: more than a full shard takes: the reader may have handed over so many before it was told.
COMMANDS = MOST + MAX_UNTAKEN + MAX_RECORDS + 2_000


def done(request: Request) -> list[bytes]:
    """An answer."""
    payload = {"clazz": "test.Done", "serial": request.serial}
    message = {"clazz": INFO, "timestamp": 1, "correlation_id": request.correlation_id}
    return [json.dumps(message | {"payload": payload}).encode()]


def test_what_is_too_much_waits_in_kafka(broker_url: str, work_folder: Path) -> None:
    """A full shard reads no more commands, says so in the API, and goes on when it has room."""
    switch = switch_id(1)
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        partitions=1,
        max_pending=MOST,
        ack_timeout=300,
        response_timeout=300,
        alive_timeout=60,
    ) as deployment:
        deployment.create_topics()
        fl = deployment.floodlight("fl-1", switches=[switch])
        requester = deployment.requester(only=[deployment.topic("flow")])
        worker = deployment.start_worker()
        requester.send(command({"clazz": INSTALL, "switch_id": switch}, "first"), switch)
        assert error_type(requester.wait("first", timeout=30)[0]) is None
        requester.forget()

        fl.default = Behaviour(done, hold=True)
        before = len(fl.received)
        for number in range(COMMANDS):
            payload = {"clazz": INSTALL, "switch_id": switch, "serial": number}
            requester.post(command(payload, f"c-{number}"), partition=0)
        requester.flush()
        requester.until(lambda: bool(worker.stats()["held_back"]), 90, "a full shard")
        # It reads again below four fifths, so between these and all it rests.
        fl.until(lambda: len(fl.received) - before >= MOST * 0.8, 60, "what there is room for")
        assert len(fl.received) - before < COMMANDS
        assert worker.stats()["pending"] < COMMANDS

        fl.default = Behaviour(done)
        fl.release()
        requester.until(lambda: len(requester.by_id) >= COMMANDS, 90, "all answers")
        errors = [answer.message for answer in requester.answers if error_type(answer)]
        assert not errors, f"{len(errors)} errors: {errors[:3]}"
        assert not worker.stats()["held_back"]
        deployment.assert_running()
