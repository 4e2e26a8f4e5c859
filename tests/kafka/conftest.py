"""These tests start brokers of their own.

There is no `__init__.py` here on purpose: pytest and ruff would take this folder for the package
`kafka`, which is kafka-python's.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.cluster import Cluster
from tests.kafka.jars import KafkaMissing


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three brokers, all of which run at the start of each test."""
    try:
        made = Cluster(3)
    except KafkaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    with made:
        yield made
