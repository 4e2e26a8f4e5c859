"""Parses messages of switches without trusting the lengths in them.

os-ken trusts every length that it finds, and a length of 0 bytes makes it loop forever. So this
module splits structures that carry their own length, and gives os-ken one piece at a time. os-ken
also parses Open vSwitch's own actions; other experimenters' actions stay unparsed bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from flrouter.speaker.openflow.switches.wire import (
    DESC,
    HEADER_BYTES,
    Unreadable,
    header,
    messages,
    of,
)

_word = struct.Struct("!H")
_words = struct.Struct("!HH")
_experimenter = struct.Struct("!4xI")
#: instructions that are lists of actions.
_LISTS = (of.OFPIT_WRITE_ACTIONS, of.OFPIT_APPLY_ACTIONS, of.OFPIT_CLEAR_ACTIONS)


def parse(frame: bytes) -> Any:
    """The message in a frame.

    Raises:
        Unreadable: the message does not match its header.
    """
    version, kind, length, xid = header(frame)
    try:
        if kind == of.OFPT_MULTIPART_REPLY:
            what, flags = _words.unpack_from(frame, HEADER_BYTES)
            entries = _ENTRIES[what](frame[of.OFP_MULTIPART_REPLY_SIZE :])
            return messages.OFPMultipartReply(DESC, body=list(entries), flags=flags)
        # os-ken's own `msg` logs the whole frame when something is wrong, and returns None.
        return messages.msg_parser(DESC, version, kind, length, xid, frame)
    except Exception as error:  # os-ken lets any exception of its parsers through
        raise Unreadable(f"a message of type {kind} that cannot be read: {error!r}") from error


def _pieces(data: bytes, least: int, length_at: int) -> Iterator[bytes]:
    """Split `data` into structures of at least `least` bytes that carry their own lengths."""
    at = 0
    while at < len(data):
        (length,) = _word.unpack_from(data, at + length_at)
        if not least <= length <= len(data) - at:
            raise ValueError(f"a length of {length}, where {len(data) - at} bytes are left")
        yield data[at : at + length]
        at += length


def _of_size(size: int, parser: Callable[[bytes, int], Any]) -> Callable[[bytes], Iterator[Any]]:
    """A reader of entries that all have the same size."""
    return lambda body: (parser(body, at) for at in range(0, len(body), size))


def _rule(entry: bytes) -> Any:
    (match,) = _word.unpack_from(entry, of.OFP_FLOW_STATS_0_SIZE + 2)
    end = of.OFP_FLOW_STATS_0_SIZE + (match + 7) // 8 * 8
    # os-ken gets the rule up to the end of its match.
    rule = messages.OFPFlowStats.parser(_word.pack(end) + entry[2:end], 0)
    pieces = _pieces(entry[end:], of.OFP_INSTRUCTION_METER_SIZE, 2)
    rule.instructions = [_instruction(piece) for piece in pieces]
    return rule


def _instruction(piece: bytes) -> Any:
    """One instruction; None for an experimenter's."""
    (kind,) = _word.unpack_from(piece)
    if kind not in _LISTS:
        return messages.OFPInstruction.parser(piece, 0)
    actions = _pieces(piece[of.OFP_INSTRUCTION_ACTIONS_SIZE :], of.OFP_ACTION_HEADER_SIZE, 2)
    return messages.OFPInstructionActions(kind, [_action(action) for action in actions])


def _action(piece: bytes) -> Any:
    (kind,) = _word.unpack_from(piece)
    if kind != of.OFPAT_EXPERIMENTER:
        return messages.OFPAction.parser(piece, 0)
    return messages.OFPActionExperimenterUnknown(
        *_experimenter.unpack_from(piece), piece[_experimenter.size :]
    )


def _meters(body: bytes) -> Iterator[Any]:
    # os-ken itself checks the lengths of bands, of which there are only three kinds.
    for entry in _pieces(body, of.OFP_METER_CONFIG_SIZE, 0):
        yield messages.OFPMeterConfigStats.parser(entry, 0)


#: kind of multipart → the reader of the entries in one part.
_ENTRIES: dict[int, Callable[[bytes], Iterator[Any]]] = {
    of.OFPMP_FLOW: lambda body: map(_rule, _pieces(body, of.OFP_FLOW_STATS_SIZE, 0)),
    of.OFPMP_METER_CONFIG: _meters,
    of.OFPMP_PORT_DESC: _of_size(of.OFP_PORT_SIZE, messages.OFPPort.parser),
    of.OFPMP_PORT_STATS: _of_size(of.OFP_PORT_STATS_SIZE, messages.OFPPortStats.parser),
}
