"""A fault of kafka-python 3.0.12 that shows as soon as a broker is killed.

It forgets the socket of a refused connection instead of closing it. Whenever Python's collector
comes by, that is a ResourceWarning, which pytest takes for the failure of whatever runs then.
"""

from __future__ import annotations

from typing import Any

from kafka.net.inet import KafkaNetSocket

_connect = KafkaNetSocket.sock_connect


async def _connect_or_close(
    self: KafkaNetSocket, net: Any, sock: Any, *where: Any, **how: Any
) -> Any:
    try:
        return await _connect(self, net, sock, *where, **how)
    except BaseException:
        sock.close()
        raise


def close_refused() -> None:
    """Have kafka-python close them from now on, in this process."""
    KafkaNetSocket.sock_connect = _connect_or_close
