"""Which switch a record from an FL speaks of, and so whose home it belongs to."""

from __future__ import annotations

from flrouter.messages.envelope import Envelope
from flrouter.messages.kinds.places import OPENKILDA, Places
from flrouter.messages.switch_id import BadSwitchId, canonical

_OF_OPENKILDA = Places(OPENKILDA)


def switch_of(envelope: Envelope, data: bytes, places: Places = _OF_OPENKILDA) -> str | None:
    """The canonical id of the switch that a message names as its origin, else None.

    An event is about the switch of the FL that reports it (protocol.md, 8.4).

    Args:
        envelope: what :func:`flrouter.messages.envelope.decode` made of `data`.
        data: the message.
        places: where each kind names its switch; by default as in OpenKilda's kinds.
    """
    payload = envelope.payload
    if payload is None:
        return None
    given = places.given(payload, data, envelope.root)
    try:
        return canonical(given) if given is not None else None
    except BadSwitchId:
        return None
