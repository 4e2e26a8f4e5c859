"""A TCP proxy before a broker, at which one of the clients can be cut off."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Forwards all connections; the client that is cut off is left hanging, as by a dead network.

    It is known by its client id, which stands in the first request of each connection.
    """

    def __init__(self, target: int, client_id: str) -> None:
        """Args:
        target: the loopback port to forward to.
        client_id: of the client that can be cut off.
        """
        self._target = target
        self._client_id = client_id.encode()
        self._passes = threading.Event()
        self._passes.set()
        self._sockets: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_off(self) -> None:
        """From now on nothing passes that the client sends or is sent."""
        self._passes.clear()

    def let_through(self) -> None:
        """Everything passes again, beginning with what was held up."""
        self._passes.set()

    def close(self) -> None:
        """End all connections."""
        self._passes.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):  # whoever waits in it notices this, not the closing
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._sockets[0].accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._sockets.append(client)
        with contextlib.suppress(OSError):
            broker = socket.create_connection(("127.0.0.1", self._target))
            self._sockets.append(broker)
            first = client.recv(1 << 16)
            watched = self._client_id in first
            threading.Thread(
                target=self._forward, args=(broker, client, b"", watched), daemon=True
            ).start()
            self._forward(client, broker, first, watched)

    def _forward(
        self, source: socket.socket, sink: socket.socket, data: bytes, watched: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                if watched:
                    self._passes.wait()
                sink.sendall(data)
                data = source.recv(1 << 16)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
