"""Packets that switches send up: only discovery packets are wanted, and not too many of them.

A rule that sends traffic to the controller, or a host that babbles, can make a switch send more
packets than anybody can read. What is not ours is dropped by its bytes, before it is parsed.
"""

from __future__ import annotations

import logging
import struct

from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.wire import of

log = logging.getLogger(__name__)

#: discovery packets per second of one switch that are read, and how many may come at once: each
#: port brings one in each interval from each FL that holds its neighbour.
PACKETS_PER_S = 500.0
BURST_PACKETS = 2_000.0

#: bytes between the match and the packet.
_PADDING_BYTES = 2
_match_length = struct.Struct(f"!{of.OFP_PACKET_IN_SIZE - of.OFP_MATCH_SIZE}x2xH")


class PacketIns:
    """Decides which of one switch's packets are looked at."""

    def __init__(self) -> None:
        self._tokens = BURST_PACKETS
        self._at = 0.0
        #: packets of ours that were too many.
        self.dropped = 0

    def wanted(self, frame: bytes, now_s: float) -> bool:
        """Whether to read a packet-in message that came at `now_s` (monotonic)."""
        if not _ours(frame):
            return False
        self._tokens = min(BURST_PACKETS, self._tokens + (now_s - self._at) * PACKETS_PER_S)
        self._at = now_s
        if self._tokens < 1:
            self.dropped += 1
            if self.dropped == 1:
                log.warning("a switch sends more discovery packets than %g a second", PACKETS_PER_S)
            return False
        self._tokens -= 1
        return True


def _ours(frame: bytes) -> bool:
    """Whether the packet in a packet-in message, which stands after its match, is one of ours."""
    if len(frame) < _match_length.size:
        return False
    (length,) = _match_length.unpack_from(frame)
    match = of.OFP_PACKET_IN_SIZE - of.OFP_MATCH_SIZE
    return lldp.ours(frame, match + (length + 7) // 8 * 8 + _PADDING_BYTES)
