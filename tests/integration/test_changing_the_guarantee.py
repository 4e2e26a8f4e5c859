"""The guarantee is changed worker by worker, under load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.api import ask
from tests.support.deployment import Worker
from tests.support.herd import herd
from tests.support.load import assert_no_errors, name_of

pytestmark = [pytest.mark.broker, pytest.mark.kafka_only]


def _about(worker: Worker) -> dict[str, list[str]]:
    [said] = ask(worker, "/api/v1/workers?local=true").json["items"]
    return {name: said[name] for name in ("shards", "warnings")}


@pytest.mark.parametrize(
    ("before", "after"),
    [("at_least_once", "exactly_once"), ("exactly_once", "at_least_once")],
)
def test_a_guarantee_is_changed_worker_by_worker(
    broker_url: str, work_folder: Path, before: str, after: str
) -> None:
    """Workers of the new one wait for those of the old one; each command is answered once."""
    with herd(broker_url, work_folder, guarantee=before) as workers:
        workers.deployment.settings["guarantee"] = after
        workers.join()
        new = workers.workers[-1]
        waits = _about(new)
        assert not waits["shards"]
        assert f"guarantee {before}" in waits["warnings"][0]
        workers.leave()
        workers.join()
        assert not _about(new)["shards"]
        workers.leave()
        total = workers.finish()
        assert all(_about(worker)["shards"] for worker in workers.workers)
        assert not _about(new)["warnings"]
        assert_no_errors(workers.requester)
        workers.assert_order_kept()
        given = Counter(request.serial for request in workers.fl.received)
        assert set(given.values()) == {1}
        assert len(given) == total
        assert all(len(workers.requester.answers_to(name_of(n))) == 1 for n in range(total))
