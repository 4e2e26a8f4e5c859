"""Filters the packets that switches send up: discovery packets pass, at a limited rate.

A rule that sends traffic to the controller, or a misbehaving host, can make a switch send more
packets than the FL can parse. Other packets are recognised by their bytes and dropped unparsed.
"""

from __future__ import annotations

import logging
import struct

from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.wire import of

log = logging.getLogger(__name__)

#: discovery packets of one switch that are read per second, and then the size of a burst. Each port
#: receives one packet per interval from each FL that holds its neighbour.
PACKETS_PER_S = 500.0
BURST_PACKETS = 2_000.0

#: bytes between the match and the packet.
_PADDING_BYTES = 2
_match_length = struct.Struct(f"!{of.OFP_PACKET_IN_SIZE - of.OFP_MATCH_SIZE}x2xH")


class PacketIns:
    """Decides which packets of one switch are parsed."""

    def __init__(self) -> None:
        self._tokens = BURST_PACKETS
        self._at = 0.0
        #: how many discovery packets were over the limit.
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
    """Whether a packet-in message holds one of our packets, which follows the match."""
    if len(frame) < _match_length.size:
        return False
    (length,) = _match_length.unpack_from(frame)
    match = of.OFP_PACKET_IN_SIZE - of.OFP_MATCH_SIZE
    return lldp.ours(frame, match + (length + 7) // 8 * 8 + _PADDING_BYTES)
