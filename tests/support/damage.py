"""Messages spoilt at random, and what a careful reader of docs/protocol.md makes of each."""

from __future__ import annotations

import json
import random
from enum import Enum
from typing import Any, NoReturn

#: the fields of an envelope that have one type only.
_TYPES: dict[str, type] = {
    "correlation_id": str,
    "reply_to": str,
    "message_id": str,
    "next_request_id": str,
    "total_messages": int,
    "payload": dict,
}


def spoil(message: bytes, chance: random.Random, limit: int) -> bytes:
    """`message`, cut, flipped or grown in one of many ways; now and then over `limit` bytes."""
    at = chance.randrange(len(message))
    to = min(len(message), at + 1 + int(chance.expovariate(1 / 20)))
    way = chance.randrange(8)
    if way == 0:  # the end is lost
        return message[:at]
    if way == 1:  # the beginning is lost
        return message[at:]
    if way == 2:  # something within is lost
        return message[:at] + message[to:]
    if way in (3, 4):  # single bits are turned
        spoilt = bytearray(message)
        for _ in range(chance.randint(1, 4)):
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        return bytes(spoilt)
    if way == 5:  # something stands there twice
        return message[:to] + message[at:]
    if way == 6:  # noise within
        return message[:at] + chance.randbytes(chance.randint(1, 40)) + message[at:]
    if chance.random() < 0.1:
        return message[:at] + b"x" * limit + message[at:]
    return message[:at] + chance.choice(b'"{}[],: \\\n09aZ').to_bytes(1, "big") + message[at:]


class Verdict(Enum):
    """What an inbound record is."""

    COMMAND = "a command, whatever may be wrong with it"
    UNREADABLE = "no JSON: refused and kept"
    OTHER = "a message, but no command: kept only"
    UNSURE = "JSON, but neither clearly a message nor clearly none: kept in any case"


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


def read(value: bytes) -> Any:
    """The JSON in `value`.

    Raises:
        ValueError: there is none, by the letter of RFC 8259 and UTF-8.
    """
    return json.loads(value.decode("utf-8"), parse_constant=_no_json)


def readable(value: bytes) -> bool:
    """Whether `value` is JSON."""
    try:
        read(value)
    except ValueError:
        return False
    return True


def judge(value: bytes) -> Verdict:
    """What becomes of an inbound record (protocol.md, 3.4)."""
    try:
        message = read(value)
    except ValueError:
        return Verdict.UNREADABLE
    if not isinstance(message, dict) or not isinstance(message.get("clazz"), str):
        return Verdict.UNSURE
    clazz = f".{message['clazz']}"
    if clazz.endswith((".command.CommandMessage", ".command.CommandWithReplyToMessage")):
        return Verdict.COMMAND
    payload = message.get("payload")
    kind = payload.get("clazz", "") if isinstance(payload, dict) else ""
    typed = isinstance(kind, str) and all(
        message.get(name) is None or type(message[name]) is wanted
        for name, wanted in _TYPES.items()
    )
    return Verdict.OTHER if typed and not _has_twins(value) else Verdict.UNSURE


def _has_twins(value: bytes) -> bool:
    """Whether some object names a member twice: readers differ in what they make of that."""
    found = False

    def look(members: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        names = dict(members)
        found = found or len(names) < len(members)
        return names

    json.loads(value, object_pairs_hook=look)
    return found
