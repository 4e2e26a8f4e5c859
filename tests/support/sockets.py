"""Two faults of kafka-python 3.0.12 that leave sockets open.

Whenever Python's collector comes by such a socket, that is a ResourceWarning, which pytest takes
for the failure of whatever runs then.
"""

from __future__ import annotations

from typing import Any

from kafka.net.inet import KafkaNetSocket
from kafka.net.transport import KafkaTCPTransport

_connect = KafkaNetSocket.sock_connect
_close = KafkaTCPTransport.close


async def _connect_or_close(
    self: KafkaNetSocket, net: Any, sock: Any, *where: Any, **how: Any
) -> Any:
    """Upstream forgets the socket of a refused connection, as when a broker is killed."""
    try:
        return await _connect(self, net, sock, *where, **how)
    except BaseException:
        sock.close()
        raise


def _close_at_once(self: KafkaTCPTransport) -> None:
    """Upstream leaves it to the task that writes the rest, which the client's close() cancels.

    Nobody waits for that rest: whoever does has its answer before the client is closed.
    """
    _close(self)
    self._close()


def close_all_sockets() -> None:
    """Have kafka-python close them from now on, in this process."""
    KafkaNetSocket.sock_connect = _connect_or_close
    KafkaTCPTransport.close = _close_at_once
