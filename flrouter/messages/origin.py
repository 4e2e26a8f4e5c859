"""Which switch a record from an FL speaks of, and so whose home it belongs to."""

from __future__ import annotations

import msgspec

from flrouter.messages.envelope import NOTHING, Envelope
from flrouter.messages.switch_id import BadSwitchId, canonical


class _Node(msgspec.Struct):
    switch_id: str


class _Record(msgspec.Struct):
    datapath: str


_path = msgspec.json.Decoder(list[_Node])
_node = msgspec.json.Decoder(_Node)
_record = msgspec.json.Decoder(_Record)


def switch_of(envelope: Envelope) -> str | None:
    """The canonical id of the switch that `envelope` names as its origin; None where none.

    An ISL event belongs to the switch that received the discovery packet: the *last* node of its
    path, `destination` in later forms (protocol.md, 8.4).
    """
    payload = envelope.payload
    if payload is None:
        return None
    try:
        if payload.switch_id is not None:
            return canonical(payload.switch_id)
        if payload.path is not NOTHING:
            nodes = _path.decode(payload.path)
            return canonical(nodes[-1].switch_id) if nodes else None
        if payload.destination is not NOTHING:
            return canonical(_node.decode(payload.destination).switch_id)
        if payload.switch_record is not NOTHING:
            return canonical(_record.decode(payload.switch_record).datapath)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadSwitchId):
        return None
    return None
