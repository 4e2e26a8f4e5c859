"""The messages that flrouter and its FL side write themselves, in OpenKilda's own kinds.

Nothing is added to those kinds: they must parse with OpenKilda's classes.
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
    """A message of class `clazz`; `more` are further top-level fields, `now` ms since the epoch."""
    top = {"clazz": clazz, "timestamp": now, "correlation_id": correlation_id, "payload": payload}
    return msgspec.json.encode({**top, **more})


def _stamped(kind: str, now: int, **fields: Any) -> dict[str, Any]:
    """A payload of class `kind` that says when it was made."""
    return {"clazz": kind, "timestamp": now, **fields}


def ack(correlation_id: str, now: int) -> bytes:
    """An FL's receipt for a command, sent before it handles it."""
    return message(names.INFO, {"clazz": names.ACK}, correlation_id, now)


def alive_request(correlation_id: str, now: int) -> bytes:
    """The router's question whether an FL is there; its timestamp is the clock for expiry."""
    return message(names.COMMAND, _stamped(names.ALIVE_REQUEST, now), correlation_id, now)


def alive_response(correlation_id: str, region: str, failed_messages: int, now: int) -> bytes:
    """An FL's sign of life, with the number of writes that failed since the last one reported."""
    fields = {"region": region, "failed_messages": failed_messages}
    payload = _stamped(names.ALIVE_RESPONSE, now, **fields)
    return message(names.INFO, payload, correlation_id, now, region=region)


def sync_request(correlation_id: str, now: int, dump_id: str = "") -> bytes:
    """Asks an FL for a list of its switches and ports, whose records carry `dump_id` if any."""
    fields = {"dump_id": dump_id} if dump_id else {}
    payload = _stamped(names.SYNC_REQUEST, now, **fields)
    return message(names.COMMAND, payload, correlation_id, now)


def chunk(
    payload: dict[str, Any] | msgspec.Raw | None,
    correlation_id: str,
    index: int,
    total: int,
    now: int,
) -> bytes:
    """One link of a chain of the newer form; `total` 0 with no payload is the empty chain."""
    place = {"message_id": f"{index} : {correlation_id}", "total_messages": total}
    return message(names.CHUNK, payload, correlation_id, now, **place)


def error(correlation_id: str, kind: ErrorType, text: str, description: str, now: int) -> bytes:
    """An `ErrorMessage`. `text` is one line; `description` says what to do about it."""
    return message(names.ERROR, error_data(kind, text, description), correlation_id, now)


def unmanaged(switch: str, correlation_id: str, now: int) -> bytes:
    """Tells listeners that nobody knows the state of `switch` for now."""
    payload = _stamped(names.UNMANAGED, now, switch_id=switch)
    return message(names.INFO, payload, correlation_id, now)


def switch_event(switch: str, state: str, correlation_id: str, now: int) -> bytes:
    """A `SwitchInfoData`; with `state` REMOVED it is the offline notification."""
    payload = _stamped(names.SWITCH_EVENT, now, switch_id=switch, state=state)
    return message(names.INFO, payload, correlation_id, now)
