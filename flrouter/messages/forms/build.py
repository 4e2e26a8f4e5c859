"""The messages that flrouter and its FL side write themselves, in OpenKilda's own kinds.

They must parse with OpenKilda's classes, so no fields are added (protocol.md, 9.1).
`now` is in ms since the epoch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.messages import names
from flrouter.messages.errors import ErrorType, error_data


def message(
    clazz: str,
    payload: dict[str, Any] | msgspec.Raw | None,
    correlation_id: str,
    now: int,
    **more: Any,
) -> bytes:
    """A message of class `clazz`; `more` are top-level fields of that class (protocol.md, 9.1)."""
    top = {"clazz": clazz, "timestamp": now, "correlation_id": correlation_id, "payload": payload}
    return msgspec.json.encode({**top, **more})


def _stamped(kind: str, now: int, **fields: Any) -> dict[str, Any]:
    """A payload of class `kind` with its time."""
    return {"clazz": kind, "timestamp": now, **fields}


def ack(correlation_id: str, now: int) -> bytes:
    """An FL's acknowledgement of a command, sent before it acts (protocol.md, 4.3)."""
    return message(names.INFO, {"clazz": names.ACK}, correlation_id, now)


def alive_request(correlation_id: str, now: int) -> bytes:
    """Asks an FL for a sign of life, and tells it the router's time (protocol.md, 7.1)."""
    return message(names.COMMAND, _stamped(names.ALIVE_REQUEST, now), correlation_id, now)


def alive_response(correlation_id: str, region: str, failed_messages: int, now: int) -> bytes:
    """An FL's sign of life, with its failed writes since the last one (protocol.md, 7.1)."""
    fields = {"region": region, "failed_messages": failed_messages}
    payload = _stamped(names.ALIVE_RESPONSE, now, **fields)
    return message(names.INFO, payload, correlation_id, now, region=region)


def sync_request(correlation_id: str, now: int, dump_id: str = "") -> bytes:
    """Asks an FL to list its switches and ports (protocol.md, 6.1), under `dump_id` if given."""
    fields = {"dump_id": dump_id} if dump_id else {}
    payload = _stamped(names.SYNC_REQUEST, now, **fields)
    return message(names.COMMAND, payload, correlation_id, now)


def chunk(
    payload: dict[str, Any] | msgspec.Raw | None,
    correlation_id: str,
    index: int,
    total: int,
    now: int,
    **more: Any,
) -> bytes:
    """A link of a new-form chain (protocol.md, 2.6); `total` 0, no payload: the empty chain."""
    place = {"message_id": f"{index} : {correlation_id}", "total_messages": total}
    return message(names.CHUNK, payload, correlation_id, now, **more, **place)


def error(correlation_id: str, kind: ErrorType, text: str, description: str, now: int) -> bytes:
    """An `ErrorMessage`. `text` is one line; `description` says what to do about it."""
    return message(names.ERROR, error_data(kind, text, description), correlation_id, now)


def unmanaged(switch: str, correlation_id: str, now: int) -> bytes:
    """Tells listeners that the state of `switch` is unknown for now (protocol.md, 7.3)."""
    payload = _stamped(names.UNMANAGED, now, switch_id=switch)
    return message(names.INFO, payload, correlation_id, now)


def switch_event(switch: str, state: str, correlation_id: str, now: int) -> bytes:
    """A `SwitchInfoData`; state REMOVED: the switch is offline (protocol.md, 6.4)."""
    payload = _stamped(names.SWITCH_EVENT, now, switch_id=switch, state=state)
    return message(names.INFO, payload, correlation_id, now)
