"""What the tests cure in kafka-python still fits it, and is still needed."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaTCPTransport

from tests.support.sockets import close_all_sockets


@pytest.fixture
def net() -> Iterator[NetworkSelector]:
    """kafka-python's own loop, with the cures."""
    close_all_sockets()
    found = NetworkSelector()
    yield found
    found.close()


def test_a_connection_with_something_left_to_write_is_closed(net: NetworkSelector) -> None:
    """Its client may be closed in the moment when a request was handed on."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        transport = KafkaTCPTransport(net, ours)
        transport.write(b"a request")
        transport.close()
        net.close()
        assert ours.fileno() == -1


def test_a_refused_connection_is_closed(net: NetworkSelector) -> None:
    """As of a broker that was killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    where = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(KafkaConnectionError):
            net.run(KafkaNetSocket().connect, net, where)
        gc.collect()
    assert not [each for each in seen if issubclass(each.category, ResourceWarning)]
