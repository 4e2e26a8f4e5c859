"""Discovery packets: LLDP frames that say which port of which switch they left."""

from __future__ import annotations

import struct
from typing import NamedTuple

from flrouter.messages.switch_id import BadSwitchId, canonical

ETHERTYPE = 0x88CC
#: the bytes by which a discovery packet of ours is known: an organisation of nobody's (the local
#: bit is set), then a name.
MARK = b"\x02\x66\x6cflrouter"

_TO = bytes.fromhex("0180c200000e")  # the nearest bridge, which passes it on to nobody
_FROM = bytes.fromhex("02666c000001")
_LOCAL = 7
_own = struct.Struct("!8sIQ")


class Sighting(NamedTuple):
    """What a discovery packet says: where it left, and when (ns since the epoch)."""

    switch: str
    port: int
    sent_ns: int


def packet(switch: str, port: int, now_ns: int) -> bytes:
    """The packet to send out of `port` of `switch` (canonical)."""
    dpid = bytes.fromhex(switch.replace(":", ""))
    return b"".join(
        (
            _TO,
            _FROM,
            struct.pack("!H", ETHERTYPE),
            _tlv(1, bytes([_LOCAL]) + dpid),
            _tlv(2, bytes([_LOCAL]) + struct.pack("!I", port)),
            _tlv(3, struct.pack("!H", 120)),
            _tlv(127, MARK + _own.pack(dpid, port, now_ns)),
            _tlv(0, b""),
        )
    )


def read(data: bytes) -> Sighting | None:
    """What a packet says; None when it is none of ours."""
    at = data.find(MARK)
    if at < 0 or len(data) < at + len(MARK) + _own.size:
        return None
    dpid, port, sent_ns = _own.unpack_from(data, at + len(MARK))
    try:
        return Sighting(canonical(dpid.hex()), port, sent_ns)
    except BadSwitchId:
        return None


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value
