"""The broker that all integration tests share, and workers' logs in the reports of failures."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from flrouter import embedded

pytest_plugins = ["tests.support.skips"]

# A busy machine must not make a test fail, so no example is timed. On CI, hypothesis' own profile
# is below this one: there each run draws the same examples.
settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

_HERE = Path(__file__).parent
#: folders whose tests start Kafka brokers or take minutes: run by make targets of their own.
_ONLY_NAMED = (_HERE / "kafka", _HERE / "load")
#: folders of the tests that cover core/ and messages/.
_COVERING = (_HERE / "core", _HERE / "messages")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave those folders out unless they, or something in them, are arguments of pytest."""
    named = [Path(each.partition("::")[0]).resolve() for each in config.args]
    for folder in _ONLY_NAMED:
        if collection_path.is_relative_to(folder):
            return None if any(each.is_relative_to(folder) for each in named) else True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs under coverage: not what draws examples, which takes twice as long there and
    covers nothing more. Leave out what only Apache Kafka can do on the embedded broker.
    """
    for item in items:
        draws_examples = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if not draws_examples and any(map(item.path.is_relative_to, _COVERING)):
            item.add_marker("covering")
    if "FLROUTER_TEST_BROKER" not in os.environ:
        left_out = [item for item in items if item.get_closest_marker("kafka_only")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """A broker as FLROUTER_BROKER names it: the embedded one, or FLROUTER_TEST_BROKER."""
    given = os.environ.get("FLROUTER_TEST_BROKER")
    if given:
        yield given
        return
    with embedded.broker() as url:
        yield url


@pytest.fixture(scope="session")
def work_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers write their logs and files."""
    return tmp_path_factory.mktemp("flrouter")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """Show the end of each worker's log under a failed test."""
    report: pytest.TestReport = yield
    if report.failed:
        from tests.support import deployment  # needs kafka-python, which unit tests do without

        report.sections.extend(deployment.logs())
    return report
