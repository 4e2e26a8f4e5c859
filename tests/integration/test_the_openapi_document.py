"""The OpenAPI document is true: a live worker does with all that it allows what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks

from flrouter.core.values.effects import Happening
from flrouter.history.sqlite import SqliteStore
from flrouter.settings.model import Settings
from flrouter.web.api.openapi import document
from flrouter.web.api.operations import OPERATIONS
from tests.history.batches import MIDNIGHT, batch, end
from tests.support.api import ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.plain import INSTALL, command, switch_id
from tests.support.simulated import SimulatedFloodlight
from tests.web.past import history_worker, in_background

pytestmark = [
    pytest.mark.broker,
    # The FLs and requesters of the tests are threads here, and do not disturb what is generated.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

TOKEN = "correct-horse-battery-staple"
SWITCHES = [switch_id(number) for number in range(1, 6)]
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]


@pytest.fixture(scope="module")
def worker(broker_url: str, work_folder: Path) -> Iterator[Worker]:
    """A worker with FLs, switches, a history, a command that was answered and one that waits."""
    store = SqliteStore(work_folder / "history")
    store.insert([batch(end(), events=[Happening(MIDNIGHT, "outage", "fl-1")])])
    with (
        in_background(history_worker(store, Settings())) as history,
        Deployment(
            broker_url,
            work_folder,
            token=TOKEN,
            response_timeout=300,
            alive_timeout=60,
            history_url=history,
        ) as deployment,
    ):
        deployment.create_topics()
        worker = deployment.start_worker()
        for name in ("fl-1", "fl-2"):
            SimulatedFloodlight(deployment, name).start(*SWITCHES)
        page = "/api/v1/switches"
        until(lambda: len(ask(worker, page).json["items"]), lambda count: count == len(SWITCHES))
        requester = deployment.requester()
        requester.send(command({"clazz": INSTALL, "switch_id": SWITCHES[0]}, "op"), SWITCHES[0])
        requester.wait("op", timeout=20)
        yield worker


SCHEMA = schemathesis.openapi.from_dict(document(OPERATIONS))
ALL = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


def test_the_document_is_the_one_that_is_served(worker: Worker) -> None:
    """What is checked below is what everybody gets."""
    assert ask(worker, "/api/v1/openapi.json").json == SCHEMA.raw_schema


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ALL)
def test_answers_are_as_the_document_says(worker: Worker, name: str, mode: GenerationMode) -> None:
    """Whatever is asked, allowed or not: no failure, and each answer is one that it announces."""

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(ALL[name].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{worker.web_port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            checks=CHECKS,
        )

    check()
