"""Workers join and leave cleanly under load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.herd import ROUNDS, herd
from tests.support.load import assert_no_errors, name_of

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("rounds", ROUNDS)
def test_clean_joins_and_leaves_repeat_nothing(
    broker_url: str, work_folder: Path, rounds: int
) -> None:
    """A worker joins, or leaves: each command reaches the FL once and is answered once."""
    with herd(broker_url, work_folder) as workers:
        for _ in range(rounds):
            workers.join()
            workers.leave()
        total = workers.finish()
        assert_no_errors(workers.requester)
        workers.assert_order_kept()
        again = Counter(request.serial for request in workers.fl.received)
        assert len(again) == total
        twice = [number for number, times in again.items() if times > 1]
        assert not twice, f"the FL was given {len(twice)} of {total} commands again: {twice[:20]}"
        repeated = [n for n in range(total) if len(workers.requester.answers_to(name_of(n))) > 1]
        assert not repeated, f"{len(repeated)} of {total} answered again: {repeated[:20]}"
