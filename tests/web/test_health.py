"""Whether a worker serves, as probes and everybody else are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.web.calls.health import not_ready

AWAY = "cannot connect to the broker"


def worker(*, sure: bool = True, serving: bool = True, trouble: str = "") -> Any:
    """One of that state. Of its transactions one with `exactly_once` is always sure."""
    part = SimpleNamespace(crashed=False)
    shards = {"serving": serving, "refusal": "", "left_to_restore": 0, "by_number": {0: None}}
    shards["ownership"] = SimpleNamespace(may_write=sure)
    return SimpleNamespace(
        crashed=False,
        should_stop=False,
        consumer=part,
        contact=SimpleNamespace(trouble=trouble),
        shards=SimpleNamespace(crashed=False, **shards),
    )


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("sure", [True, False])
def test_brokers_that_are_away_are_the_reason(serving: bool, sure: bool) -> None:
    """Whatever else follows from it, and though no lease runs out with `exactly_once`."""
    assert not_ready(worker(sure=sure, serving=serving, trouble=AWAY)) == AWAY


def test_a_worker_that_serves() -> None:
    """Says nothing; one whose shards are somewhere else by now, or soon, does."""
    assert not not_ready(worker())
    assert not_ready(worker(sure=False)).startswith("the coordinator of its consumer group")
    assert not_ready(worker(serving=False)).startswith("rebalancing")
