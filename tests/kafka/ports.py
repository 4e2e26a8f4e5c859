"""Ports for servers that come and go."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from tests.kafka.config import HOST

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses and that the system gives to nobody's connections.

    A port of that range could go to a client while its broker is down; a client that keeps
    knocking there would now and then even be connected to itself.
    """
    first_given = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32768
    found: list[int] = []
    candidates = list(range(max(1024, first_given - 20000), first_given))
    random.shuffle(candidates)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports below {first_given}")


def listening(port: int) -> bool:
    """Whether somebody accepts connections on loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
