"""`flrouter worker`: where it listens, and what keeps it from starting."""

from __future__ import annotations

import socket

import pytest

from flrouter.cli.worker import addresses
from tests.cli.command import flrouter


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
