"""OpenKilda's form of a command for several switches of one FL: itself, and which they are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from flrouter.messages import members, names


def wrapped(data: bytes, scope: Sequence[str]) -> bytes:
    """The command `data` with its payload in a `BroadcastWrapper`; all else stays as it is.

    Args:
        data: a command with a payload, which could be decoded.
        scope: the switches that its FL is to ask.
    """
    [*_, payload] = [member for member in members.spans(data) if member.name == "payload"]
    wrapper = members.joined(
        {
            "clazz": msgspec.json.encode(names.BROADCAST),
            "scope": msgspec.json.encode(scope),
            "payload": data[payload.value : payload.end],
        }
    )
    return data[: payload.value] + wrapper + data[payload.end :]
