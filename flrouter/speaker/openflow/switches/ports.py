"""Ports of a switch: their descriptions and their counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from flrouter.speaker import payloads
from flrouter.speaker.answers import Payload
from flrouter.speaker.openflow.switches.wire import of
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
    name = described.name.decode("utf-8", "replace")
    return OpenFlowPort(described.port_no, name, PortState.DOWN if down else PortState.UP)


def counters(switch: str, parts: Iterable[Any], now: int) -> Payload:
    """Port statistics, as they are reported; `now` in ms since the epoch.

    A switch reports 2⁶⁴ - 1 for a counter that it does not have. It becomes -1 here, as in
    OpenKilda's own FL.
    """
    all_stats = [stats for part in parts for stats in part.body if stats.port_no <= of.OFPP_MAX]
    return {
        "clazz": f"{payloads.INFO}.stats.PortStatsData",
        "timestamp": now,
        "switch_id": switch,
        "stats": [
            {
                "portNo": stats.port_no,
                **{_camel(name): payloads.signed(getattr(stats, name)) for name in _COUNTERS},
            }
            for stats in all_stats
        ],
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
