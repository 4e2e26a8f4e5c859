"""Topics that go, that take less than the router does, or that nobody ever read."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from tests.support import api
from tests.support.api import until
from tests.support.clients import COPIES, committed, ends
from tests.support.deployment import Deployment
from tests.support.guarantees import GUARANTEES
from tests.support.patience import PATIENCE
from tests.support.plain import (
    DONE,
    INSTALL,
    Behaviour,
    Request,
    command,
    error_type,
    info,
    switch_id,
)

pytestmark = [pytest.mark.broker, pytest.mark.kafka]

#: the embedded broker takes records for a topic that is gone, so there none is refused.
ON_KAFKA = "FLROUTER_TEST_BROKER" in os.environ
SWITCH = switch_id(1)
#: bytes; what a topic takes, and an answer that is larger.
LEAST, LARGE = 20_000, 30_000


@pytest.fixture
def deployment(broker_url: str, work_folder: Path, guarantee: str) -> Iterator[Deployment]:
    """A router whose one FL has one switch."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        guarantee=guarantee,
        ack_timeout=30 * PATIENCE,
        response_timeout=60 * PATIENCE,
        alive_timeout=30 * PATIENCE,
        blacklist_ttl=120 * PATIENCE,
    ) as found:
        yield found


def ask(serial: int, reply_to: str | None = None) -> tuple[bytes, str]:
    """A command, and its correlation id."""
    name = f"{serial} {uuid.uuid4()}"
    payload = {"clazz": INSTALL, "switch_id": SWITCH, "serial": serial}
    return command(payload, name, reply_to), name


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_reply_topic_that_is_deleted_holds_up_nobody(deployment: Deployment) -> None:
    """The answer is kept as a dead letter, and the switch's next command is answered."""
    reply = deployment.topic("reply")
    deployment.create_topics(reply)
    fl = deployment.floodlight("fl-1", switches=[SWITCH])
    fl.script[SWITCH] = Behaviour(hold=True)
    requester = deployment.requester()
    dead = deployment.tap(deployment.dead_letters)
    start_router(deployment)
    value, _ = ask(1, reply)
    requester.send(value, SWITCH)
    fl.request(1, timeout=30)
    admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    try:
        admin.delete_topics([reply])
        until(admin.list_topics, lambda found: reply not in found, timeout=30)
    finally:
        admin.close()
    fl.script[SWITCH] = Behaviour()
    fl.release()
    value, name = ask(2)
    requester.send(value, SWITCH)
    answer = requester.wait(name, timeout=60)[0]
    assert error_type(answer) is None
    if ON_KAFKA:
        [letter] = dead.wait_for(lambda record: True, timeout=30)
        assert letter.headers["flrouter-topic"].decode() == reply


@pytest.mark.kafka_only  # the embedded broker knows no limit of a topic's own
@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("beside", [0, 20])
def test_an_answer_that_its_topic_does_not_take(deployment: Deployment, beside: int) -> None:
    """It becomes an error and a dead letter; answers beside it, and later ones, arrive."""
    admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    try:
        small = {"max.message.bytes": LEAST}
        flow, count = deployment.topic("flow"), deployment.partitions
        admin.create_topics([NewTopic(flow, count, COPIES, topic_configs=small)])
    finally:
        admin.close()
    deployment.create_topics()
    fl = deployment.floodlight("fl-1", switches=[SWITCH])
    requester = deployment.requester()
    dead = deployment.tap(deployment.dead_letters)
    start_router(deployment)
    value, name = ask(0)  # the topic has records of this producer before the large one comes
    requester.send(value, SWITCH)
    assert error_type(requester.wait(name, timeout=30)[0]) is None

    large = info(f'{{"clazz":"test.Large","text":"{"x" * LARGE}"}}')
    middle = beside // 2 + 1

    def answer(request: Request) -> Sequence[bytes]:
        return (large if request.serial == middle else DONE)(request)

    fl.script[SWITCH] = Behaviour(answer, hold=True)
    names = []
    for serial in range(1, beside + 2):
        value, name = ask(serial)
        names.append(name)
        requester.send(value, SWITCH)
    fl.request(beside + 1, timeout=30)
    fl.release()
    for serial, name in enumerate(names, 1):
        answers = requester.wait(name, timeout=60)
        assert error_type(answers[0]) == ("INTERNAL_ERROR" if serial == middle else None)
    [letter] = dead.wait_for(lambda record: True, timeout=30)
    assert int(letter.headers["flrouter-size"]) > LARGE
    fl.script[SWITCH] = Behaviour()
    value, name = ask(99)
    requester.send(value, SWITCH)
    assert error_type(requester.wait(name, timeout=60)[0]) is None
    counts = [len(requester.answers_to(each)) for each in names]
    if deployment.settings.get("guarantee") != "exactly_once":
        # What overtook the large one is written behind it once more, so that all are in order.
        assert max(counts[middle:], default=1) <= 2
        counts = counts[:middle]
    assert counts == [1] * len(counts)


@pytest.mark.kafka_only  # the embedded broker knows no limit of a topic's own
@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_command_that_the_topic_between_shards_does_not_take(deployment: Deployment) -> None:
    """Its requester has an error, it is a dead letter, and an alert's metric counts it."""
    admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    try:
        small = {"max.message.bytes": LEAST}
        between, count = f"{deployment.name}-shards", deployment.partitions
        admin.create_topics([NewTopic(between, count, COPIES, topic_configs=small)])
    finally:
        admin.close()
    deployment.create_topics()
    deployment.floodlight("fl-1", switches=[SWITCH])
    requester = deployment.requester()
    dead = deployment.tap(deployment.dead_letters)
    start_router(deployment)
    elsewhere = (deployment.home(SWITCH) + 1) % deployment.partitions
    name = str(uuid.uuid4())
    payload = {"clazz": INSTALL, "switch_id": SWITCH, "text": "x" * LARGE}
    requester.send(command(payload, name), partition=elsewhere)
    assert error_type(requester.wait(name, timeout=60)[0]) == "INTERNAL_ERROR"
    [letter] = dead.wait_for(lambda record: True, timeout=30)
    assert letter.headers["flrouter-topic"].decode() == between
    until(
        lambda: api.ask(deployment.workers[0], "/metrics").body.decode(),  # noqa: PLW0108 - anew
        lambda page: re.search(
            r"^flrouter_own_records_refused_total\{.*\} 1\.0$", page, re.MULTILINE
        ),
    )
    value, name = ask(1)
    requester.send(value, partition=elsewhere)
    assert error_type(requester.wait(name, timeout=60)[0]) is None


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_where_reading_begins_is_committed(deployment: Deployment) -> None:
    """Of partitions that bring nothing too: others wait for it, and a later owner begins there."""
    deployment.create_topics()
    deployment.start_worker()
    topics = [deployment.inbound, deployment.write_topic("fl-1"), f"{deployment.name}-shards"]
    wanted = {(topic, at) for topic in topics for at in range(deployment.partitions)}
    until(
        lambda: wanted - committed(deployment.bootstrap, deployment.name).keys(),
        lambda left: not left,
        timeout=30,
    )


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_an_inbound_topic_of_another_size_is_committed_to_its_end(
    broker_url: str, work_folder: Path, guarantee: str
) -> None:
    """However a burst ends, so that no kill later on has its commands done again."""
    with Deployment(
        broker_url, work_folder, floodlights=["fl-1"], inbound_partitions=3, guarantee=guarantee
    ) as deployment:
        deployment.create_topics()
        deployment.floodlight("fl-1", switches=[SWITCH])
        requester = deployment.requester()
        start_router(deployment)
        for burst in range(5):  # each ends anywhere between two checkpoints
            for serial in range(20):
                value, name = ask(100 * burst + serial)
                requester.send(value, f"{serial}")
            requester.wait(name, timeout=30)
            wanted = ends(deployment.bootstrap, deployment.inbound)
            until(
                lambda: committed(deployment.bootstrap, deployment.name).items(),
                lambda found, wanted=wanted: wanted.items() <= found,
                timeout=5,
            )


def start_router(deployment: Deployment) -> None:
    """Start a worker, and wait until it knows the switch."""
    worker = deployment.start_worker()
    until(
        lambda: worker.stats()["floodlights"].get("fl-1", {}), lambda row: row.get("switches"), 30
    )
