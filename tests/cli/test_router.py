"""What the command line makes of whoever answers in a worker's place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager

import pytest

from flrouter.cli.router import Router
from flrouter.failure import Failure
from flrouter.settings.model import Settings


@contextmanager
def answering(answer: bytes, heard: MutableSequence[bytes] | None = None) -> Iterator[str]:
    """A server that says this to whoever connects, and keeps what it `heard`."""

    def serve() -> None:
        client, _ = server.accept()
        with client:
            request = client.recv(10_000)
            if heard is not None:
                heard.append(request)
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
        (page("{}"), "no 'missing'"),
        (page('{"items": [], "missing": [], "missing_shards": []}'), "no 'next'"),
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
    with (
        answering(page('{"error": "reading needs a token"}', "401 Unauthorized")) as url,
        pytest.raises(Failure, match="FLROUTER_READ_TOKEN"),
    ):
        Router(Settings(worker_url=url)).get("workers")


@pytest.mark.parametrize("changes", [False, True])
def test_the_token_goes_with_changes_only(changes: bool) -> None:
    """Whoever sits in a worker's place does not get it that way; reading has one of its own."""
    heard: list[bytes] = []
    with answering(page('{"message": "done"}'), heard) as url:
        settings = Settings(
            worker_url=url, token="open-sesame-for-all", read_token="open-it-a-little"
        )
        router = Router(settings)
        if changes:
            router.post("sync")
        else:
            router.get("workers")
    assert (b"open-sesame-for-all" in heard[0]) is changes
    assert (b"open-it-a-little" in heard[0]) is not changes


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(status: str) -> None:
    """The token would go along; it says where it was sent, and which setting to change."""
    gone = f"HTTP/1.1 {status}\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    with answering(gone.encode()) as url, pytest.raises(Failure, match="http://elsewhere/") as why:
        Router(Settings(worker_url=url)).get("workers")
    assert "FLROUTER_WORKER_URL" in why.value.message
    with answering(gone.encode()) as url, pytest.raises(Failure, match="http://elsewhere/"):
        Router(Settings(worker_url=url, token="open-sesame-open-sesame")).post("sync")


def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would see the token, and workers are not in the world outside."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answering(page('{"message": "done"}')) as url:
        assert Router(Settings(worker_url=url)).post("sync") == "done"
