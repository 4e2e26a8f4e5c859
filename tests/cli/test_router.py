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
    ("answer", "said"),
    [
        (page("{}"), "no 'missing_shards'"),
        (page('{"items": [], "missing_shards": []}'), "no 'next'"),
        (page("7"), "says 7"),
        (page("[]"), r"says \[\]"),
        (page("rubbish"), "no worker answers"),
        (page("<html>", "404 Not Found"), "answers 404"),
        (page("{}", "500 Internal Server Error"), "answers 500"),
        (b"no HTTP at all\r\n\r\n", "no worker answers"),
        (b"", "no worker answers"),
    ],
    ids=range(9),
)
def test_another_program_on_that_port(answer: bytes, said: str) -> None:
    """It says what is wrong and names the setting, and is no traceback."""
    with answering(answer) as url, pytest.raises(Failure, match=said) as failure:
        list(Router(Settings(worker_url=url)).rows("floodlights"))
    assert "FLROUTER_WORKER_URL" in str(failure.value)


def test_a_refusal_is_told_as_the_worker_tells_it() -> None:
    """With the setting, where it is about the token."""
    for status, said in (("409 Conflict", "drained"), ("403 Forbidden", "FLROUTER_TOKEN")):
        with (
            answering(page('{"error": "fl-1 is drained."}', status)) as url,
            pytest.raises(Failure, match=said),
        ):
            Router(Settings(worker_url=url)).post("sync")
