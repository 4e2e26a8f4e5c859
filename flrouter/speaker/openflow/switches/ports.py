"""Ports of a switch: their descriptions and their counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from flrouter.speaker import payloads
from flrouter.speaker.answers import Payload
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from flrouter.speaker.sync import PortState

_COUNTERS = (
    *("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped"),
    *("rx_errors", "tx_errors", "rx_frame_err", "rx_over_err", "rx_crc_err", "collisions"),
)


class OpenFlowPort(NamedTuple):
    """One port of a switch."""

    number: int
    name: str
    state: PortState


def read(described: Any) -> OpenFlowPort | None:
    """A port from OpenFlow's description; None for the switch's own port (LOCAL)."""
    if described.port_no > of.OFPP_MAX:
        return None
    down = described.config & of.OFPPC_PORT_DOWN or described.state & of.OFPPS_LINK_DOWN
    name = described.name
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return OpenFlowPort(described.port_no, text, PortState.DOWN if down else PortState.UP)


def read_all(parts: Iterable[Any]) -> dict[int, OpenFlowPort]:
    """The ports in the answer to `request`, by their numbers."""
    read_ports = [read(described) for part in parts for described in part.body]
    return {port.number: port for port in read_ports if port is not None}


def request() -> Any:
    """The message that asks for all ports."""
    return messages.OFPPortDescStatsRequest(DESC, 0)


def counters_request() -> Any:
    """The message that asks for the counters of all ports."""
    return messages.OFPPortStatsRequest(DESC, 0, of.OFPP_ANY)


def counters(switch: str, parts: Iterable[Any], now: int) -> Payload:
    """Port statistics, as they are reported; `now` in ms since the epoch."""
    return payloads.port_counters(
        switch,
        [
            (stats.port_no, {name: getattr(stats, name) for name in _COUNTERS})
            for part in parts
            for stats in part.body
            if stats.port_no <= of.OFPP_MAX
        ],
        now,
    )


def description(port: OpenFlowPort) -> Payload:
    """One port, in the form for commands that ask for ports."""
    return payloads.port(port.number, port.name, port.state)
