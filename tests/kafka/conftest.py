"""These tests start brokers of their own.

There is no `__init__.py` here on purpose: pytest and ruff would take this folder for the package
`kafka`, which is kafka-python's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from tests.kafka.cluster import Cluster
from tests.kafka.jars import KafkaMissing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what tests Apache Kafka itself."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def brokers() -> Iterator[Cluster]:
    """Three brokers, for all tests of this process."""
    try:
        made = Cluster(3)
    except KafkaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    with made:
        yield made


@pytest.fixture
def cluster(brokers: Cluster) -> Cluster:
    """The three brokers, all of which run at the start of the test, whatever ran before."""
    missing = set(brokers.ids) - set(brokers.running)
    for broker in missing:
        brokers.restart(broker, wait=False)
    if missing:
        brokers.wait_ready()
        brokers.wait_in_sync()
    return brokers


@pytest.fixture
def admin(cluster: Cluster) -> Iterator[KafkaAdminClient]:
    """An administrator."""
    with KafkaAdminClient(bootstrap_servers=cluster.bootstrap) as client:
        yield client
