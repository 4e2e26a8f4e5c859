"""The router that commands are given to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operator import TOKEN, Operator
from tests.support.deployment import Deployment


@pytest.fixture(scope="package")
def operator(broker_url: str, work_folder: Path) -> Iterator[Operator]:
    """With two FLs, one of which holds what the other one holds too."""
    with Deployment(broker_url, work_folder, token=TOKEN, response_timeout=60) as deployment:
        yield Operator(deployment)
