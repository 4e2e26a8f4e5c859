"""Logging in to Kafka: TLS, passwords and certificates, with all that flrouter starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from flrouter.kafka.cluster.login import LoginRefused
from flrouter.runtime.membership import Membership
from flrouter.settings.model import Settings
from tests.cli.command import Running, flrouter
from tests.kafka.authority import Authority
from tests.kafka.cluster import Cluster
from tests.support.api import ask, until
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, command, error_type

PASSWORD = "n0t-in-any-log"
_MODULE = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Secured:
    """A broker whose clients must log in, and what they need to."""

    cluster: Cluster
    authority: Authority
    folder: Path

    @property
    def plain(self) -> str:
        """The brokers' own listener, for the tests' clients."""
        return self.cluster.inside

    def settings(self, **more: Any) -> dict[str, Any]:
        """What flrouter is to be told."""
        return {
            "broker": self.cluster.url,
            "security_protocol": "SASL_SSL",
            "ssl_cafile": self.authority.certificate,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "router",
            "sasl_password": PASSWORD,
        } | more


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One broker that takes PLAIN and SCRAM over TLS."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    certificate, key = authority.sign("broker")
    cluster = Cluster(
        1,
        protocol="SASL_SSL",
        settings={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": certificate.read_text(),
            "ssl.keystore.key": key.read_text(),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": authority.certificate.read_text(),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.client.plain.sasl.jaas.config": (
                f'{_MODULE}.plain.PlainLoginModule required user_router="{PASSWORD}";'
            ),
            **{
                f"listener.name.client.scram-sha-{bits}.sasl.jaas.config": (
                    f"{_MODULE}.scram.ScramLoginModule required;"
                )
                for bits in (256, 512)
            },
        },
        format_arguments=[
            argument
            for bits in (256, 512)
            for argument in (
                "--add-scram",
                f"SCRAM-SHA-{bits}=[name=router,password={PASSWORD}]",
            )
        ],
    )
    with cluster:
        yield Secured(cluster, authority, folder)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One broker that knows its clients by their certificates."""
    folder = tmp_path_factory.mktemp("certified")
    authority = Authority(folder)
    certificate, key = authority.sign("broker")
    cluster = Cluster(
        1,
        protocol="SSL",
        settings={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": certificate.read_text(),
            "ssl.keystore.key": key.read_text(),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": authority.certificate.read_text(),
            "ssl.client.auth": "required",
        },
    )
    with cluster:
        yield Secured(cluster, authority, folder)


def goes_round(secured: Secured, settings: dict[str, Any]) -> str:
    """A worker, an FL and the command line log in, and a command is answered; the worker's log."""
    with Deployment(
        secured.plain, secured.folder, floodlights=["fl-1"], partitions=2, **settings
    ) as deployment:
        deployment.create_topics()
        speaker = ("speaker", "--id", "fl-1", "--switches", "2")
        with Running(*speaker, settings=deployment.settings) as floodlight:
            floodlight.wait_for('"ready":true')  # before a worker starts, which would miss it
            worker = deployment.start_worker()
            until(lambda: ask(worker, "/api/v1/switches/1").status, lambda status: status == 200)
            requester = deployment.requester()
            payload = {"clazz": INSTALL, "switch_id": "00:00:00:00:00:00:00:01"}
            requester.send(command(payload, "op-1"))
            [answer] = requester.wait("op-1", timeout=20)
            assert error_type(answer) is None, answer
            added = flrouter("floodlight", "add", "fl-1", "--json", settings=deployment.settings)
            assert added.returncode == 0, added.stderr
            assert json.loads(added.stdout) == {"message": "fl-1 is known already"}
            assert PASSWORD not in added.stdout + added.stderr + floodlight.output
        worker.terminate()
        return worker.output()


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_a_password_over_tls(secured: Secured, guarantee: str) -> None:
    """In each guarantee, whose clients are not the same."""
    log = goes_round(secured, secured.settings(guarantee=guarantee))
    assert PASSWORD not in log


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_every_mechanism(secured: Secured, mechanism: str) -> None:
    """Those that the settings allow."""
    assert PASSWORD not in goes_round(secured, secured.settings(sasl_mechanism=mechanism))


def test_a_certificate(certified: Secured) -> None:
    """Mutual TLS, without any password."""
    certificate, key = certified.authority.sign("router")
    goes_round(
        certified,
        {
            "broker": certified.cluster.url,
            "security_protocol": "SSL",
            "ssl_cafile": certified.authority.certificate,
            "ssl_certfile": certificate,
            "ssl_keyfile": key,
        },
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sasl_password": "wrong-password"}, "sasl_username"),
        ({"sasl_username": "nobody"}, "sasl_username"),
        ({"sasl_mechanism": "PLAIN", "sasl_password": "wrong-password"}, "sasl_username"),
        ({"ssl_cafile": ""}, "ssl_cafile"),
    ],
    ids=["password", "user", "plain", "authority"],
)
def test_who_may_not_in_is_told_why(
    secured: Secured, wrong: dict[str, str], said: str, tmp_path: Path
) -> None:
    """In one line, which names the settings to look at and no password."""
    for asked in (("floodlight", "remove", "fl-1"), ("dead-letters", "list")):
        done = flrouter(*asked, settings=secured.settings(**wrong), folder=tmp_path)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "wrong-password" not in done.stdout + done.stderr
        [line] = [line for line in done.stderr.splitlines() if line.startswith("flrouter: ")]
        assert said in line
        assert "refuses the login" in line


def test_a_worker_that_may_not_in_ends(secured: Secured, tmp_path: Path) -> None:
    """At once and in one line, rather than waiting for what will not come."""
    done = flrouter(
        "worker", settings=secured.settings(sasl_password="wrong-password"), folder=tmp_path
    )
    assert done.returncode == 1, done.stdout + done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("flrouter: the broker kafka://")
    assert "sasl_password" in line
    assert "wrong-password" not in line


def test_one_that_finds_out_later_does_not_wait(secured: Secured) -> None:
    """When no broker was there at its start."""
    settings = Settings(**secured.settings(sasl_username="nobody"))
    with pytest.raises(LoginRefused, match="sasl_username"):
        asyncio.run(Membership(settings, Mock(), AsyncMock()).prepare())
