"""`flrouter worker`: where it listens, and what keeps it from starting."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from flrouter import __version__
from flrouter.embedded import free_port
from flrouter.faust_side.worker import addresses
from tests.cli.command import Running, flrouter
from tests.support.deployment import Deployment


@pytest.mark.parametrize(
    ("web_host", "web_bind", "listens", "asked"),
    [
        ("", "", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1", "127.0.0.1"),
        ("10.0.0.5", "", "10.0.0.5", "10.0.0.5"),
        ("worker-1", "0.0.0.0", "0.0.0.0", "worker-1"),
        ("", "10.0.0.5", "10.0.0.5", "10.0.0.5"),
        ("", "0.0.0.0", "0.0.0.0", socket.gethostname()),
        ("", "::", "::", socket.gethostname()),
    ],
)
def test_one_option_says_where_it_listens(
    web_host: str, web_bind: str, listens: str, asked: str
) -> None:
    """Nowhere but on loopback unless told; the other option is for where these two differ."""
    assert addresses(web_host, web_bind) == (listens, asked)


def test_its_help_tells_of_these_options() -> None:
    """In flrouter's words; and of none that makes no sense here."""
    done = flrouter("worker", "--help")
    assert done.returncode == 0
    assert "default: 127.0.0.1" in done.stdout
    assert "--web-bind" in done.stdout
    assert "--without-web" not in done.stdout


def test_a_web_port_that_is_taken() -> None:
    """One line, at once, which says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = flrouter("worker", "--web-port", str(port))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"port {port}" in line
    assert "--web-port" in line


def test_an_address_that_is_not_this_machines() -> None:
    """The same: 192.0.2.0/24 is nobody's."""
    done = flrouter("worker", "--web-host", "192.0.2.1")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "192.0.2.1" in line
    assert "--web-bind" in line


def test_its_banner_says_what_was_set() -> None:
    """The broker as the settings name it, and whose program it is."""
    port = str(free_port())
    settings = {"broker": "tansu://127.0.0.1:1", "app_id": "east"}
    with Running("worker", "--web-port", port, settings=settings) as worker:
        assert worker.wait_for("flrouter") == f"flrouter {__version__}"
        assert worker.wait_for("app id").split() == ["app", "id", "east"]
        assert worker.wait_for("broker").split() == ["broker", "tansu://127.0.0.1:1"]
        assert worker.wait_for("web").split() == ["web", f"http://127.0.0.1:{port}/"]


@pytest.mark.broker
def test_topics_that_do_not_fit(broker_url: str, work_folder: Path) -> None:
    """Their number of partitions is fixed: one line says so, and what to do."""
    with Deployment(broker_url, work_folder, partitions=2) as deployment:
        deployment.start_worker().terminate()
        port = str(free_port())
        settings = deployment.settings | {"partitions": 3}
        done = flrouter("worker", "--web-port", port, settings=settings)
    assert done.returncode == 1
    assert "has 2 partitions, the router needs 3" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("flrouter: topic ")
