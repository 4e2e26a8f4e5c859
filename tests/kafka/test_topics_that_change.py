"""Topics that have other partitions than expected, and records that are gone before a look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient

from tests.kafka.cluster import Cluster
from tests.support.api import ask, until
from tests.support.clients import Writer, create_topics, ends, topics
from tests.support.deployment import Deployment, Worker
from tests.support.guarantees import GUARANTEES_OF_A_RELEASE
from tests.support.plain import (
    INSTALL,
    Behaviour,
    Floodlight,
    Requester,
    command,
    error_type,
    nothing,
    switch_event,
    switch_id,
)

SWITCH, SILENT, NEW = switch_id(1), switch_id(2), switch_id(3)
#: as many shards as partitions before any are added.
SHARDS = 2


@pytest.fixture
def deployment(cluster: Cluster, work_folder: Path, guarantee: str) -> Iterator[Deployment]:
    """A router with one FL, of which nothing runs yet."""
    with Deployment(
        cluster.url, work_folder, floodlights=["fl-1"], partitions=SHARDS, guarantee=guarantee
    ) as made:
        yield made


@pytest.fixture
def fl(deployment: Deployment) -> Floodlight:
    """Its FL, which has two switches and never answers for one of them."""
    deployment.create_topics()
    found = deployment.floodlight("fl-1", switches=[SWITCH, SILENT])
    found.script[SILENT] = Behaviour(nothing, ack=False)
    return found


@pytest.fixture
def requester(deployment: Deployment, fl: Floodlight) -> Requester:
    """Asks for what the FL has."""
    return deployment.requester()


def warnings(worker: Worker) -> list[str]:
    """What `flrouter status` tells of this router beside outages."""
    [row] = ask(worker, "/api/v1/workers").json["items"]
    found: list[str] = row["warnings"]
    return found


def counted(worker: Worker, metric: str, topic: str) -> float:
    """A metric of this topic's."""
    page = ask(worker, "/metrics").body.decode()
    line = rf'^flrouter_{metric}(?:_total)?\{{.*topic="{re.escape(topic)}"\}} (\S+)$'
    return sum(float(count) for count in re.findall(line, page, re.MULTILINE))


@pytest.mark.parametrize("guarantee", ["at_least_once"])
def test_one_fl_s_topic_with_too_few_partitions_keeps_only_that_fl_away(
    deployment: Deployment, requester: Requester, admin: KafkaAdminClient
) -> None:
    """The log and `/workers` say why and what to do; when that is done, the FL is taken in."""
    deployment.settings["floodlights"] = "fl-1,fl-2"
    narrow = deployment.write_topic("fl-2")
    create_topics(deployment.bootstrap, {narrow: 1, deployment.read_topic("fl-2"): 1})
    worker = deployment.start_worker()
    requester.send(command({"clazz": INSTALL, "switch_id": SWITCH}, "one"), SWITCH)
    assert error_type(requester.wait("one", timeout=30)[0]) is None
    [told] = warnings(worker)
    assert told.startswith("floodlight fl-2 is left out: topic ")
    assert f"--partitions {SHARDS}" in told
    assert told in worker.output()
    assert counted(worker, "unread_partitions", narrow) == 1
    admin.create_partitions({narrow: SHARDS, deployment.read_topic("fl-2"): SHARDS})
    until(lambda: warnings(worker), lambda found: not found, 40)
    until(lambda: counted(worker, "unread_partitions", narrow), lambda count: count == 0)
    deployment.floodlight("fl-2", switches=[NEW])
    until(
        lambda: worker.stats()["floodlights"].get("fl-2", {}), lambda row: row.get("switches"), 40
    )
    requester.send(command({"clazz": INSTALL, "switch_id": NEW}, "two"), NEW)
    assert error_type(requester.wait("two", timeout=30)[0]) is None


@pytest.mark.parametrize("guarantee", GUARANTEES_OF_A_RELEASE)
def test_partitions_that_are_added_while_workers_run_are_read(
    deployment: Deployment, fl: Floodlight, requester: Requester, admin: KafkaAdminClient
) -> None:
    """Of an inbound topic and of an FL's, from their first record on; and deadlines still fire."""
    workers = [deployment.start_worker(), deployment.start_worker()]
    written = deployment.write_topic("fl-1")
    admin.create_partitions({deployment.inbound: 5, written: 5, deployment.read_topic("fl-1"): 5})
    writer = Writer(deployment.bootstrap)
    for topic in (deployment.inbound, written):  # not each broker knows at once
        until(partial(writer.partitions_for, topic), lambda numbers: len(numbers) == 5)
    for at in range(5):
        value = command({"clazz": INSTALL, "switch_id": SWITCH}, f"to {at}")
        writer.send(deployment.inbound, value=value, partition=at).get(30)
    for at in range(5):
        assert error_type(requester.wait(f"to {at}", timeout=60)[0]) is None
    writer.send(written, value=switch_event(NEW, "ACTIVATED"), partition=4)
    until(
        lambda: sum(
            worker.stats()["floodlights"].get("fl-1", {}).get("switches", 0) for worker in workers
        ),
        lambda count: count == 3,
        40,
    )
    value = command({"clazz": INSTALL, "switch_id": SILENT}, "silent")
    writer.send(deployment.inbound, value=value, partition=4)
    writer.close()
    assert error_type(requester.wait("silent", timeout=60)[0]) is not None
    # So an FL that answers in the partition of its command finds that in its write topic.
    assert {request.record.partition for request in fl.received} <= set(range(SHARDS))
    for topic in (deployment.inbound, written):
        assert any(counted(worker, "partitions_changed", topic) for worker in workers)
        assert any(f"topic {topic} has 5 partitions, and had 2" in w.output() for w in workers)
    deployment.assert_running()


@pytest.mark.parametrize("guarantee", GUARANTEES_OF_A_RELEASE)
def test_records_that_retention_took_unread_are_told(
    deployment: Deployment, requester: Requester, admin: KafkaAdminClient
) -> None:
    """In the log, in `/workers` and as a metric; what is left is answered."""
    worker = deployment.start_worker()
    assert not counted(worker, "offset_resets", deployment.inbound)
    worker.terminate()
    at = deployment.home(SWITCH)
    writer = Writer(deployment.bootstrap)
    for name in ("lost", "kept"):
        value = command({"clazz": INSTALL, "switch_id": SWITCH}, name)
        writer.send(deployment.inbound, value=value, partition=at)
        writer.flush(30)
        if name == "lost":
            lost = ends(deployment.bootstrap, deployment.inbound)[deployment.inbound, at]
            admin.delete_records({TopicPartition(deployment.inbound, at): lost})
    writer.close()
    worker = deployment.start_worker()
    assert error_type(requester.wait("kept", timeout=40)[0]) is None
    [told] = warnings(worker)
    assert told.startswith(
        f"{deployment.inbound}/{at}: 1 records were deleted before they were read"
    )
    assert counted(worker, "offset_resets", deployment.inbound) == 1
    assert told in worker.output()


@pytest.mark.parametrize("guarantee", GUARANTEES_OF_A_RELEASE)
def test_an_inbound_topic_that_is_made_again_swallows_no_command(
    deployment: Deployment, fl: Floodlight, requester: Requester, admin: KafkaAdminClient
) -> None:
    """Its places are used again: by what was answered before, and by what is barred still."""
    worker = deployment.start_worker()
    places = {SWITCH: 0, SILENT: 1}
    writer = Writer(deployment.bootstrap)

    def ask_each(when: str) -> None:
        for switch, at in places.items():
            value = command({"clazz": INSTALL, "switch_id": switch}, f"{when} {at}")
            writer.send(deployment.inbound, value=value, partition=at)
        writer.flush(30)

    ask_each("before")
    assert error_type(requester.wait("before 0", timeout=40)[0]) is None
    assert error_type(requester.wait("before 1", timeout=40)[0]) == "NOT_FOUND"
    worker.terminate()
    admin.delete_topics([deployment.inbound])
    until(lambda: topics(deployment.bootstrap), lambda names: deployment.inbound not in names, 40)
    create_topics(deployment.bootstrap, {deployment.inbound: SHARDS})
    writer.close()
    writer = Writer(deployment.bootstrap)
    fl.script[SILENT] = Behaviour()
    ask_each("after")
    writer.close()
    deployment.start_worker()
    for at in places.values():
        assert error_type(requester.wait(f"after {at}", timeout=60)[0]) is None
        assert ends(deployment.bootstrap, deployment.inbound)[deployment.inbound, at] == 1


@pytest.mark.parametrize("guarantee", GUARANTEES_OF_A_RELEASE)
def test_a_worker_whose_group_was_forgotten_says_what_to_do(
    deployment: Deployment, fl: Floodlight, requester: Requester, admin: KafkaAdminClient
) -> None:
    """It does nothing twice; once Kafka is told where reading begins, it serves."""
    worker = deployment.start_worker()
    requester.send(command({"clazz": INSTALL, "switch_id": SWITCH}, "once"), SWITCH)
    assert error_type(requester.wait("once", timeout=30)[0]) is None
    worker.terminate()
    committed = admin.list_group_offsets([deployment.name])[deployment.name]
    admin.delete_groups([deployment.name])
    asked = len(fl.received)
    worker = deployment.start_worker(wait=False)
    until(worker.output, lambda text: "kafka-consumer-groups" in text, 40)
    assert "--reset-offsets" in ask(worker, "/readyz").body.decode()
    worker.terminate()
    assert not worker.readiness
    assert len(fl.received) == asked
    admin.alter_group_offsets(
        deployment.name, {at: entry for at, entry in committed.items() if entry.offset >= 0}
    )
    deployment.start_worker()
    requester.send(command({"clazz": INSTALL, "switch_id": SWITCH}, "next"), SWITCH)
    assert error_type(requester.wait("next", timeout=30)[0]) is None
    assert len(fl.received) == asked + 1


@pytest.mark.parametrize("guarantee", ["at_least_once"])
def test_the_router_s_own_topics_keep_what_it_needs(
    deployment: Deployment, admin: KafkaAdminClient
) -> None:
    """Whatever brokers have by default."""
    deployment.start_worker()
    names = [f"{deployment.name}-shards", deployment.dead_letters, deployment.changelog("pending")]
    described = admin.describe_configs([ConfigResource("TOPIC", name) for name in names])
    [topics] = described.values()
    found = {name: {key: row["value"] for key, row in topics[name].items()} for name in names}
    for name in names[:2]:
        assert found[name]["cleanup.policy"] == "delete"
        assert int(found[name]["retention.ms"]) == 7 * 24 * 3600 * 1000
        assert found[name]["retention.bytes"] == "-1"
    assert found[names[2]]["cleanup.policy"] == "compact"
    assert {each["min.insync.replicas"] for each in found.values()} == {"1"}


@pytest.mark.parametrize("guarantee", ["at_least_once"])
def test_topics_of_kafka_s_own_take_no_answers(
    deployment: Deployment, fl: Floodlight, requester: Requester
) -> None:
    """Brokers write them alone: an answer for one would be refused forever."""
    deployment.start_worker()
    install = {"clazz": INSTALL, "switch_id": SWITCH}
    for name in ("before", "__consumer_offsets", "behind"):
        reply = {"reply_to": name} if name.startswith("__") else {}
        requester.send(command(install, name, **reply), SWITCH)
        [answer] = requester.wait(name, timeout=40)
        assert error_type(answer) == ("PARAMETERS_INVALID" if reply else None)
