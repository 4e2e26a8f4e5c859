"""Replays of dead letters that are killed, or that two people do at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.command import Running, flrouter
from tests.support.clients import Writer, read_all
from tests.support.deployment import Deployment
from tests.support.guarantees import GUARANTEES
from tests.support.plain import INSTALL, command

pytestmark = [pytest.mark.broker, pytest.mark.kafka]

LETTERS = 3_000
#: letters that go back before they are marked.
TOGETHER = 500
REPLAY = ("dead-letters", "replay", "--all", "--json")


def keep_letters(deployment: Deployment) -> None:
    """Have so many dead letters, each a command of its own."""
    deployment.create_topics()
    writer = Writer(deployment.bootstrap)
    headers = [("flrouter-reason", b"a test"), ("flrouter-topic", deployment.inbound.encode())]
    for number in range(LETTERS):
        payload = {"clazz": INSTALL, "switch_id": f"{number % 50:x}"}
        value = command(payload, f"op-{number}")
        writer.send(deployment.dead_letters, value=value, partition=0, headers=headers)
    writer.flush(60)
    writer.close()


def back(deployment: Deployment) -> Counter[str]:
    """How often each has come back, for a reader of what was committed."""
    records = read_all(deployment.bootstrap, [deployment.inbound], isolation="read_committed")
    return Counter(record.message["correlation_id"] for record in records)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_replay_that_is_killed(broker_url: str, work_folder: Path, guarantee: str) -> None:
    """The next one does the rest: every letter goes back, with transactions exactly once."""
    with Deployment(broker_url, work_folder, guarantee=guarantee) as deployment:
        keep_letters(deployment)
        tap = deployment.tap(deployment.inbound)
        with Running(*REPLAY, settings=deployment.settings) as running:
            tap.wait_for(lambda record: True, timeout=60)
            running.process.kill()
        done = flrouter(*REPLAY, settings=deployment.settings)
        assert done.returncode == 0, done.stderr
        found = back(deployment)
        assert len(found) == LETTERS
        twice = found.total() - LETTERS
        assert twice == 0 if guarantee == "exactly_once" else twice <= TOGETHER
        again = flrouter(*REPLAY, settings=deployment.settings)
        assert (again.returncode, again.stdout) == (0, "[]\n")


@pytest.mark.kafka_only  # the embedded broker knows no transactions
def test_two_people_at_once(broker_url: str, work_folder: Path) -> None:
    """Who came first is fenced, if not done yet, and says so; nothing goes back twice."""
    with (
        Deployment(broker_url, work_folder, guarantee="exactly_once") as deployment,
        ThreadPoolExecutor() as people,
    ):
        keep_letters(deployment)
        replays = [people.submit(flrouter, *REPLAY, settings=deployment.settings) for _ in range(2)]
        outcomes = [each.result() for each in replays]
        assert 0 in {done.returncode for done in outcomes}
        for done in outcomes:
            said = done.stderr.splitlines()
            assert said == [] if done.returncode == 0 else "somebody else" in said[0]
            assert len(said) == done.returncode
        found = back(deployment)
        assert (len(found), found.total()) == (LETTERS, LETTERS)
