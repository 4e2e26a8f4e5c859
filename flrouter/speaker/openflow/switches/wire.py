"""OpenFlow 1.3 on the wire. os-ken builds and parses the messages; nothing else of it is used."""

from __future__ import annotations

import struct
from typing import Any

from os_ken.ofproto import ofproto_protocol
from os_ken.ofproto import ofproto_v1_3 as of
from os_ken.ofproto import ofproto_v1_3_parser as messages

__all__ = ["DESC", "HEADER_BYTES", "BadFrame", "Unreadable", "encode", "header", "messages", "of"]

#: what os-ken's messages need to know of a switch: the version.
DESC: Any = ofproto_protocol.ProtocolDesc(of.OFP_VERSION)
#: bytes of a message's header.
HEADER_BYTES = 8

_header = struct.Struct("!BBHI")


class BadFrame(ValueError):
    """Bytes that are no OpenFlow message: nothing after them can be read either."""


class Unreadable(ValueError):
    """A message that does not match its header."""


def header(data: bytes | bytearray | memoryview, at: int = 0) -> tuple[int, int, int, int]:
    """Version, type, length in bytes, and xid of the message that begins at `at`.

    Raises:
        BadFrame: the length is impossible.
    """
    version, kind, length, xid = _header.unpack_from(data, at)
    if length < HEADER_BYTES:
        raise BadFrame(f"a message of {length} bytes")
    return version, kind, length, xid


def encode(message: Any, xid: int) -> bytes:
    """The bytes of one of os-ken's messages."""
    message.set_xid(xid)
    message.serialize()
    return bytes(message.buf)
