"""What the command line makes of whoever answers in a worker's place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flrouter.cli.failure import Failure
from flrouter.cli.router import Router
from flrouter.settings import Settings


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that says this to whoever connects."""

    def serve() -> None:
        client, _ = server.accept()
        with client:
            client.recv(10_000)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def page(body: str, status: str = "200 OK") -> bytes:
    """An HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    "answer",
    [
        page("{}"),
        page("7"),
        page("[]"),
        page("rubbish"),
        page('{"items": [], "missing_shards": []}'),
        page("<html>", "404 Not Found"),
        page("{}", "500 Internal Server Error"),
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
    ids=range(9),
)
def test_another_program_on_that_port(answer: bytes) -> None:
    """It names the setting, and is no traceback."""
    with answering(answer) as url, pytest.raises(Failure, match="FLROUTER_WORKER_URL"):
        list(Router(Settings(worker_url=url)).rows("floodlights"))


def test_a_refusal_is_told_as_the_worker_tells_it() -> None:
    """With the setting, where it is about the token."""
    for status, said in (("409 Conflict", "drained"), ("403 Forbidden", "FLROUTER_TOKEN")):
        with (
            answering(page('{"error": "fl-1 is drained."}', status)) as url,
            pytest.raises(Failure, match=said),
        ):
            Router(Settings(worker_url=url)).post("sync")
