"""The web port of real workers: where it listens, by which names, for whom and for how many."""

from __future__ import annotations

import base64
import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from flrouter.web_port.server import MAX_CONNECTIONS
from tests.support.api import ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.patience import HOPE

pytestmark = pytest.mark.broker

READ_TOKEN = "who-has-this-may-read"
TOKEN = "correct-horse-battery-staple"
#: one page of each kind that reads.
READING = (
    "/api/v1/workers",
    "/api/v1/openapi.json",
    "/dashboard/",
    "/dashboard/snapshot",
    "/dashboard/static/style.css",
    "/metrics",
    "/tables/switches",
)


@pytest.fixture(scope="module")
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """Two workers that want a token from readers."""
    with Deployment(
        broker_url,
        work_folder,
        token=TOKEN,
        read_token=READ_TOKEN,
        web_hosts="router.example, .pods.example",
    ) as deployment:
        deployment.create_topics()
        deployment.start_worker()
        deployment.start_worker(wait=False)
        deployment.workers[0].wait_ready(2)
        deployment.workers[1].wait_ready()
        yield deployment


@pytest.fixture
def worker(deployment: Deployment) -> Worker:
    """One of the workers."""
    return deployment.workers[0]


def test_it_listens_on_loopback_unless_told_otherwise(worker: Worker) -> None:
    """And on no other address of the machine: 127.0.0.2 is one that every Linux has."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", worker.web_port), timeout=10 * HOPE)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "router.example"])
def test_it_is_called_by_its_names(worker: Worker, name: str) -> None:
    """Addresses are nobody's name: no other site can lead to them."""
    for host in (name, f"{name}:{worker.web_port}", name.upper(), "a.pods.example"):
        assert ask(worker, "/healthz", Host=host).status == 200, host


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/workers", "/dashboard/", "/metrics", "/no"])
@pytest.mark.parametrize("name", ["evil.example", "router.example.evil", "127.0.0.1.evil", "pods"])
def test_other_names_are_refused(worker: Worker, path: str, name: str) -> None:
    """DNS rebinding: a page whose own name leads to the worker's address reads nothing there."""
    answer = ask(worker, path, Host=f"{name}:{worker.web_port}", token=READ_TOKEN)
    assert answer.status == 421
    assert "FLROUTER_WEB_HOSTS" in answer.json["error"]
    assert name in answer.json["error"]


# -- the token for reading ------------------------------------------------------------------------


def basic(password: str) -> str:
    """What a browser sends once somebody has typed a password."""
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@pytest.mark.parametrize("path", READING)
def test_readers_show_the_token(worker: Worker, path: str) -> None:
    """As a Bearer token or as a browser does; whoever may change things may read too."""
    for shown in (None, "Bearer wrong", basic("wrong"), basic(READ_TOKEN[:-1]), "Basic ?", "x"):
        more = {} if shown is None else {"Authorization": shown}
        answer = ask(worker, path, **more)
        assert answer.status == 401, (shown, answer)
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert "FLROUTER_READ_TOKEN" in answer.json["error"]
        assert READ_TOKEN not in str(answer)
    for shown in (basic(READ_TOKEN), f"Bearer {READ_TOKEN}", f"Bearer {TOKEN}"):
        assert ask(worker, path, Authorization=shown).status == 200, (path, shown)


def test_probes_show_nothing(worker: Worker) -> None:
    """Kubernetes could not, and they tell no more than whether the worker is well."""
    assert ask(worker, "/healthz").body == b"ok\n"
    until(lambda: ask(worker, "/readyz").body, lambda body: body == b"ok\n")


def test_who_may_read_may_not_change(worker: Worker) -> None:
    """Above all not by what a browser sends by itself, whoever's page asks it to."""
    assert ask(worker, "/api/v1/sync", {}, token=READ_TOKEN).status == 403
    for password in (READ_TOKEN, TOKEN):
        assert ask(worker, "/api/v1/sync", {}, Authorization=basic(password)).status == 401


def test_workers_ask_each_other(deployment: Deployment) -> None:
    """With the token, so that any of them knows all that there is."""
    for worker in deployment.workers:
        page = until(
            lambda worker=worker: ask(worker, "/api/v1/shards", token=READ_TOKEN).json,
            lambda page: not page["missing"] and not page["missing_shards"],
        )
        assert len({row["worker"] for row in page["items"]}) == 2
        snapshot = ask(worker, "/dashboard/snapshot", token=READ_TOKEN).json
        assert all(row["answering"] for row in snapshot["workers"])


def test_no_token_is_shown(deployment: Deployment) -> None:
    """In no log."""
    for worker in deployment.workers:
        assert READ_TOKEN not in worker.output()
        assert TOKEN not in worker.output()


# -- how many -------------------------------------------------------------------------------------


def test_connections_are_limited(deployment: Deployment) -> None:
    """Whoever comes when it is full is told so at once, and the worker keeps its files for Kafka;
    the others are not affected, and there is room again when they have gone.
    """
    worker = deployment.workers[1]
    address = ("127.0.0.1", worker.web_port)
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection(address, timeout=10 * HOPE))
            for _ in range(2 * MAX_CONNECTIONS)
        ]
        with closing(http.client.HTTPConnection(*address, timeout=10 * HOPE)) as late:
            late.connect()
            assert late.sock is not None
            assert late.sock.recv(100).startswith(b"HTTP/1.1 503 "), "without having asked"
        refused = [each for each in connections if _was_refused(each)]
        assert MAX_CONNECTIONS / 2 < len(refused) <= MAX_CONNECTIONS + 10
        assert "503" not in connections[0].recv(0).decode()
        connections[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connections[0].recv(100).startswith(b"HTTP/1.1 200 ")
    until(lambda: _answers(worker), bool)


def _was_refused(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 503 ")
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(10 * HOPE)


def _answers(worker: Worker) -> bool:
    try:
        return ask(worker, "/healthz").status == 200
    except OSError:
        return False
