"""The foreign requester and FL against each other, with the plainest of forwarders between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Reading, Record, Writer, read_all
from tests.support.deployment import Deployment
from tests.support.plain import (
    INSTALL,
    Behaviour,
    Once,
    canonical,
    command,
    info,
    members,
    new_chain,
    old_chain,
)

pytestmark = pytest.mark.broker


class Forwarder(Reading):
    """Copies inbound records to one FL's read topic, and back to the flow topic."""

    def __init__(self, deployment: Deployment, fl: str) -> None:
        super().__init__(deployment.bootstrap, [deployment.inbound, deployment.write_topic(fl)])
        self._target = {
            deployment.inbound: deployment.read_topic(fl),
            deployment.write_topic(fl): deployment.topic("flow"),
        }
        self._producer = Writer(deployment.bootstrap)

    def on_record(self, record: Record) -> None:
        """Copy it."""
        self._producer.send(self._target[record.topic], value=record.value, key=record.key)

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._producer.close()


@pytest.fixture
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """Topics without a router."""
    with Deployment(broker_url, work_folder, floodlights=["fl-1"]) as found:
        found.create_topics()
        yield found


@pytest.mark.parametrize("scattered", [False, True])
def test_a_command_reaches_the_fl_and_its_answer_the_requester(
    deployment: Deployment, scattered: bool
) -> None:
    """The plain FL acks and answers as scripted, keyed or scattered, without any router."""
    once = Once()
    fl = deployment.floodlight("fl-1", scattered=scattered)
    requester = deployment.requester(scattered=scattered)
    forwarder = Forwarder(deployment, "fl-1")
    forwarder.start()
    try:
        plain, new, old = once.id(), once.id(), once.id()
        answers = {plain: info(), new: new_chain(3), old: old_chain(3)}
        for name, answer in answers.items():
            switch = once.switch()
            fl.script[switch] = Behaviour(answer)
            payload = {"clazz": INSTALL, "switch_id": switch, "serial": name}
            requester.send(command(payload, name), switch)
            assert fl.request(name).correlation_id == name
        kinds = {r.payload["clazz"].rpartition(".")[2] for r in requester.wait(plain, 2)}
        assert kinds == {"FlReceiveAck", "Done"}
        assert {r.message.get("message_id") for r in requester.wait(new, 4)} == {
            *(f"{at} : {new}" for at in range(3)),
            None,
        }
        requester.wait_where(lambda record: record.payload.get("part") == 2.0, 2)
    finally:
        forwarder.close()
    records = read_all(deployment.bootstrap, [deployment.write_topic("fl-1")])
    assert len(records) == 3 + 1 + 3 + 3
    assert all((record.key is None) == scattered for record in records)


def test_members_keeps_the_text_of_each_value() -> None:
    """The comparison of answers sees spacing, escapes and the way a number is written."""
    text = '{ "a" : 1e2 ,\n"b":{ "x" : "\\u00e9\\"}" },"c":[ 1,2 ] , "d":12345678901234567890}'
    found = members(text.encode())
    assert found == {
        "a": "1e2",
        "b": '{ "x" : "\\u00e9\\"}" }',
        "c": "[ 1,2 ]",
        "d": "12345678901234567890",
    }
    assert json.loads(text).keys() == found.keys()
    assert canonical("0x9") == canonical("9") == canonical("00:00:00:00:00:00:00:09")
