"""Workers join and are killed under load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.herd import ROUNDS, herd
from tests.support.load import assert_no_errors

pytestmark = [pytest.mark.broker, pytest.mark.kafka]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_killed_workers_lose_nothing(broker_url: str, work_folder: Path, rounds: int) -> None:
    """Again and again a worker joins or is killed: every command is answered, and in order."""
    with herd(broker_url, work_folder) as workers:
        for _ in range(rounds):
            workers.join()
            workers.kill()
        workers.finish()
        assert_no_errors(workers.requester)
        workers.assert_order_kept()
