"""Discovery packets: signed LLDP frames that name the switch and port they were sent from."""

from __future__ import annotations

import hmac
import struct
from typing import NamedTuple

from flrouter.messages.switch_id import canonical

ETHERTYPE = 0x88CC
#: the source address of our discovery packets.
SOURCE = "02:66:6c:00:00:01"

#: the mark of our packets: an unassigned organisation id (its local bit is set), and a name.
_MARK = b"\x02\x66\x6cflrouter"
_TO = bytes.fromhex("0180c200000e")  # the nearest bridge, which does not forward it
_HEAD = _TO + bytes.fromhex(SOURCE.replace(":", "")) + struct.pack("!H", ETHERTYPE)
_LOCAL = 7
_own = struct.Struct("!8sIQ")
#: bytes of the signature; half an HMAC is enough, as nobody can try many.
_SIGNATURE_BYTES = 16


class Sighting(NamedTuple):
    """The contents of a discovery packet: where and when (ns since the epoch) it was sent."""

    switch: str
    port: int
    sent_ns: int


def packet(switch: str, port: int, now_ns: int, key: bytes) -> bytes:
    """The packet to send out of `port` of `switch` (canonical); `key` is what all FLs share."""
    dpid = bytes.fromhex(switch.replace(":", ""))
    own = _own.pack(dpid, port, now_ns)
    return b"".join(
        (
            _HEAD,
            _tlv(1, bytes([_LOCAL]) + dpid),
            _tlv(2, bytes([_LOCAL]) + struct.pack("!I", port)),
            _tlv(3, struct.pack("!H", 120)),
            _tlv(127, _MARK + own + _signature(own, key)),
            _tlv(0, b""),
        )
    )


def ours(data: bytes, at: int = 0) -> bool:
    """Whether the packet that begins at `at` looks like one of ours, whoever signed it."""
    return data.startswith(_HEAD, at) and data.startswith(_MARK, at + _MARK_AT)


def read(data: bytes, key: bytes) -> Sighting | None:
    """The contents of a packet; None if it is not ours."""
    signed = _MARK_AT + len(_MARK) + _own.size
    own, signature = data[signed - _own.size : signed], data[signed : signed + _SIGNATURE_BYTES]
    if not ours(data) or not hmac.compare_digest(signature, _signature(own, key)):
        return None
    dpid, port, sent_ns = _own.unpack(own)
    return Sighting(canonical(dpid.hex()), port, sent_ns)


def _signature(own: bytes, key: bytes) -> bytes:
    return hmac.digest(key, own, "sha256")[:_SIGNATURE_BYTES]


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


#: offset of the mark in each of our packets.
_MARK_AT = packet("00:" * 7 + "00", 0, 0, b"").index(_MARK)
