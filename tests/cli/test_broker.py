"""`flrouter broker`: runs the embedded broker and stops with it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from flrouter import embedded
from flrouter.embedded import free_port, free_ports, listening
from tests.cli.command import Running, flrouter
from tests.support.clients import topics

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(number: int) -> None:
    """It says what it is for and how to reach it, answers there, and leaves nothing behind."""
    port = free_port()
    with Running("broker", "--port", str(port)) as broker:
        url = broker.wait_for("FLROUTER_BROKER=").removeprefix("FLROUTER_BROKER=")
        assert url == f"tansu://127.0.0.1:{port}"
        assert "in memory" in broker.output
        assert "demo and tests only" in broker.output
        assert topics(url.partition("://")[2]) == set()
        assert broker.signal(number) == 0
    assert not listening(port)


def test_a_port_that_is_taken_is_refused(broker_url: str) -> None:
    """A second broker on the same port would seem to run and would not."""
    port = broker_url.rpartition(":")[2]
    done = flrouter("broker", "--port", port)
    assert done.returncode == 2
    assert done.stderr == f"flrouter: port {port} is taken: choose another one with --port\n"


def test_a_broker_without_transactions_is_refused_where_they_are_asked_for() -> None:
    """It announces them, and fails each: a worker says so in one line, and ends."""
    with embedded.broker() as url:
        kafka = url.replace(embedded.SCHEME, "kafka", 1)
        done = flrouter("worker", settings={"broker": kafka, "guarantee": "exactly_once"})
    assert done.returncode == 1, done.stdout + done.stderr
    [line] = done.stderr.splitlines()
    assert "takes no transactions" in line
    assert "FLROUTER_GUARANTEE=at_least_once" in line


@pytest.mark.parametrize("given", ["32768\t60999\n", "1024\t65535\n"])
def test_ports_are_found_whatever_the_system_gives_to_connections(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below its range where there is room, else where the system chooses."""
    (tmp_path / "range").write_text(given)
    monkeypatch.setattr(embedded, "_RANGE", tmp_path / "range")
    ports = free_ports(3)
    assert len(ports) == 3
    assert all(port >= 1024 for port in ports)
    if not given.startswith("1024"):
        assert max(ports) < 32768
