"""docs/security.md: the ACLs that it lists are all that a worker needs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from flrouter.core.state.table import TABLES
from flrouter.core.values.effects import Send
from flrouter.kafka.cluster.directory import Directory
from flrouter.kafka.transactions import KafkaTransaction
from flrouter.ports import Written
from tests.kafka.cluster import Cluster
from tests.kafka.jars import KafkaMissing
from tests.runtime.broker import settings
from tests.support.api import ask, until
from tests.support.clients import create_topics
from tests.support.deployment import Deployment
from tests.support.guarantees import GUARANTEES_OF_A_RELEASE
from tests.support.patience import HOPE
from tests.support.plain import INSTALL, command, error_type, switch_id

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
TOKEN = "not-in-any-log-either"
PASSWORD = "n0t-in-any-log"
SWITCHES = SWITCH, ELSEWHERE = switch_id(1), switch_id(2)
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


class Row(NamedTuple):
    """One row of the page's table."""

    resource: str
    name: str
    pattern: str
    operations: str


ROWS = [
    Row(*each)
    for each in re.findall(
        r"^\| (group|topic|transactional-id) \| `([^`]+)` \| (\w+) \| ([\w, ]+) \|", PAGE, re.M
    )
]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A broker where nobody may do what no ACL allows; inside, everybody may do everything."""
    try:
        cluster = Cluster(
            1,
            protocol="SASL_PLAINTEXT",
            settings={
                "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.client.plain.sasl.jaas.config": (
                    f'{_PLAIN} required user_router="{PASSWORD}";'
                ),
                "authorizer.class.name": (
                    "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
                ),
                "super.users": "User:ANONYMOUS",
            },
        )
    except KafkaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    with cluster:
        yield cluster


LOGIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "router",
    "sasl_password": PASSWORD,
}


def deployed(cluster: Cluster, folder: Path, guarantee: str) -> Deployment:
    """A router that logs in, with all topics there; FLs and requesters are inside."""
    deployment = Deployment(
        cluster.inside,
        folder,
        floodlights=["fl-1"],
        partitions=2,
        broker=cluster.url,
        **LOGIN,
        guarantee=guarantee,
        token=TOKEN,
    )
    names = [f"{deployment.name}-shards", *map(deployment.changelog, TABLES)]
    deployment.create_topics()
    create_topics(deployment.bootstrap, dict.fromkeys(names, 2))
    return deployment


def allow(cluster: Cluster, deployment: Deployment, rows: list[Row]) -> None:
    """Let the router do what these rows say."""
    meant: Mapping[str, list[str]] = {
        "<inbound>": [deployment.inbound],
        "<fl-read>": [deployment.read_topic("fl-1")],
        "<fl-write>": [deployment.write_topic("fl-1")],
        "<answers>": deployment.answer_topics,
    }
    acls = [
        ACL(
            "User:router",
            "*",
            ACLOperation[operation.strip().upper()],
            ACLPermissionType.ALLOW,
            ResourcePattern(
                ResourceType[row.resource.replace("-", "_").upper()],
                name,
                ACLResourcePatternType[row.pattern.upper()],
            ),
        )
        for row in rows
        for name in meant.get(row.name, [row.name.replace("<app_id>", deployment.name)])
        for operation in row.operations.split(",")
    ]
    make(cluster, acls)


def make(cluster: Cluster, acls: list[ACL]) -> None:
    """Add these to the cluster's."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.inside)
    try:
        assert not admin.create_acls(acls)["failed"]
    finally:
        admin.close()


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_they_are_enough(guarded: Cluster, tmp_path: Path, guarantee: str) -> None:
    """A worker with these and no others takes over, follows an FL and answers commands."""
    with deployed(guarded, tmp_path, guarantee) as deployment:
        rows = [row for row in ROWS if guarantee == "exactly_once" or "trans" not in row.resource]
        allow(guarded, deployment, rows)
        deployment.floodlight("fl-1", switches=[SWITCH])
        requester = deployment.requester()
        worker = deployment.start_worker()
        requester.send(command({"clazz": INSTALL, "switch_id": SWITCH}, "op"), SWITCH)
        [answer] = requester.wait("op", timeout=40)
        assert error_type(answer) is None, answer
        elsewhere = f"{deployment.name}.elsewhere"
        create_topics(deployment.bootstrap, {elsewhere: 1})
        asked = command({"clazz": INSTALL, "switch_id": SWITCH}, "away", reply_to=elsewhere)
        requester.send(asked, SWITCH)
        [answer] = requester.wait("away", timeout=40)
        assert error_type(answer) == "PARAMETERS_INVALID", "it may not know of that topic"
        drained = ask(worker, "/api/v1/floodlights/fl-1/drain", {}, token=TOKEN)
        assert drained.status == 202, drained
        until(
            lambda: ask(worker, "/api/v1/floodlights/fl-1").json["floodlight"],
            lambda row: row["state"] == "drained",
        )
        deployment.assert_running()
        assert PASSWORD not in worker.output()


@pytest.mark.parametrize("denied", [ACLOperation.WRITE, ACLOperation.ALL])
@pytest.mark.parametrize("guarantee", GUARANTEES_OF_A_RELEASE)
def test_what_is_forbidden_for_a_moment_is_written_later(
    guarded: Cluster, tmp_path: Path, guarantee: str, denied: ACLOperation
) -> None:
    """The router's own topics and an FL's: nothing is given up, and every command is answered."""
    with deployed(guarded, tmp_path, guarantee) as deployment:
        allow(guarded, deployment, ROWS)
        long = {"ack_timeout": 100, "response_timeout": 200, "alive_timeout": 100}
        deployment.settings |= long
        floodlight = deployment.floodlight("fl-1", switches=SWITCHES)
        requester = deployment.requester()
        dead = deployment.tap(deployment.dead_letters)
        worker = deployment.start_worker()
        requester.send(command({"clazz": INSTALL, "switch_id": SWITCH}, "before"), SWITCH)
        assert error_type(requester.wait("before", timeout=40)[0]) is None
        patterns = [
            ResourcePattern(
                ResourceType.TOPIC, f"{deployment.name}-", ACLResourcePatternType.PREFIXED
            ),
            ResourcePattern(
                ResourceType.TOPIC, deployment.read_topic("fl-1"), ACLResourcePatternType.LITERAL
            ),
        ]
        admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
        try:
            deny = [
                ACL("User:router", "*", denied, ACLPermissionType.DENY, pattern)
                for pattern in patterns
            ]
            assert not admin.create_acls(deny)["failed"]
            # To both homes from each partition, so that some pass between shards.
            names = []
            for key in SWITCHES:
                for switch in SWITCHES:
                    names.append(f"{switch} under {key}")
                    requester.send(command({"clazz": INSTALL, "switch_id": switch}, names[-1]), key)
            until(worker.output, lambda text: "uthoriz" in text, 40)
            admin.delete_acls(
                [
                    ACLFilter(
                        "User:router",
                        "*",
                        denied,
                        ACLPermissionType.DENY,
                        ResourcePatternFilter(
                            pattern.resource_type, pattern.resource_name, pattern.pattern_type
                        ),
                    )
                    for pattern in patterns
                ]
            )
        finally:
            admin.close()
        for name in names:
            assert error_type(requester.wait(name, timeout=90)[0]) is None
        assert floodlight.received
        assert not dead.records
        deployment.assert_running()


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_a_reply_topic_that_may_not_be_written_holds_nothing_up(
    guarded: Cluster, tmp_path: Path, guarantee: str
) -> None:
    """Its answer becomes a dead letter, and the next command is answered."""
    with deployed(guarded, tmp_path, guarantee) as deployment:
        allow(guarded, deployment, ROWS)
        forbidden = f"{deployment.name}.forbidden"
        create_topics(deployment.bootstrap, {forbidden: 1})
        may_look = ACL(
            "User:router",
            "*",
            ACLOperation.DESCRIBE,
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType.TOPIC, forbidden),
        )
        make(guarded, [may_look])
        deployment.floodlight("fl-1", switches=[SWITCH])
        requester = deployment.requester()
        dead = deployment.tap(deployment.dead_letters)
        deployment.start_worker()
        install = {"clazz": INSTALL, "switch_id": SWITCH}
        requester.send(command(install, "before"), SWITCH)
        assert error_type(requester.wait("before", timeout=40)[0]) is None
        requester.send(command(install, "forbidden", reply_to=forbidden), SWITCH)
        requester.send(command(install, "behind"), SWITCH)
        [answer] = requester.wait("behind", timeout=40)
        assert error_type(answer) is None, answer
        [letter] = {record.headers["flrouter-topic"] for record in dead.wait_for(lambda _: True, 1)}
        assert letter == forbidden.encode()
        deployment.assert_running()


def test_a_transaction_says_which_topic_is_forbidden(guarded: Cluster) -> None:
    """Whatever brokers say of the batches beside it, and in whatever order: it is not tried again
    as a whole, which would fail again.
    """
    mine = settings(guarded.url, **LOGIN)
    own = [f"{mine.app_id}-{number}" for number in range(4)]
    others = [f"other-{mine.app_id}-{number}" for number in range(10)]
    create_topics(guarded.inside, dict.fromkeys([*own, *others], 2))
    acls = [
        ACL(
            "User:router",
            "*",
            operation,
            ACLPermissionType.ALLOW,
            ResourcePattern(kind, name, ACLResourcePatternType.PREFIXED),
        )
        for operation, kind, name in [
            (ACLOperation.ALL, ResourceType.TOPIC, mine.app_id),
            (ACLOperation.ALL, ResourceType.TRANSACTIONAL_ID, mine.app_id),
            (ACLOperation.DESCRIBE, ResourceType.TOPIC, "other-"),
        ]
    ]
    make(guarded, acls)

    async def commit(directory: Directory, sends: list[Send]) -> Written | str:
        loop = asyncio.get_running_loop()
        transaction = KafkaTransaction(
            mine, directory, own.__contains__, f"{mine.app_id}-0", lambda answer: answer(True)
        )
        opened: asyncio.Future[str | None] = loop.create_future()
        transaction.open(opened.set_result)
        assert await opened is None
        outcome: asyncio.Future[Written | str] = loop.create_future()
        transaction.commit(sends, {}, outcome.set_result)
        try:
            return await outcome
        finally:
            transaction.close()
            await transaction.disconnected()

    async def body() -> None:
        async with asyncio.timeout(60 * HOPE), Directory(mine, lambda *_: None, list) as directory:
            for other in others:
                sends = [Send(topic, key % 2, b"k", b"v") for key in range(2) for topic in own]
                sends.append(Send(other, 0, b"k", b"v"))
                outcome = await commit(directory, sends)
                assert isinstance(outcome, Written), outcome
                assert [refusal.send.topic for refusal in outcome.refused] == [other]

    asyncio.run(body())
