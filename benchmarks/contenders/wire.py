"""What the Python contenders read of a message: just what they route by, with msgspec."""

from __future__ import annotations

import msgspec


class Payload(msgspec.Struct, gc=False):
    """Of a payload: what it is, and for which switch."""

    clazz: str
    switch_id: str = ""


class Message(msgspec.Struct, gc=False):
    """Of a message: its id and its payload."""

    correlation_id: str
    payload: Payload


#: bytes → Message.
decode = msgspec.json.Decoder(Message).decode


def is_ack(message: Message) -> bool:
    """Whether an FL only says that it got a command."""
    return message.payload.clazz.endswith(".FlReceiveAck")


def floodlight_of(message: Message, count: int) -> int:
    """The index of the FL that a command is for: the last byte of its switch id says it."""
    return int(message.payload.switch_id[-2:], 16) % count
