"""The messages that flrouter and its FL side write themselves, in OpenKilda's own kinds.

Nothing is added to those kinds: they must parse with OpenKilda's classes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.messages import names


def message(
    clazz: str,
    payload: dict[str, Any] | msgspec.Raw | None,
    correlation_id: str,
    now: int,
    **more: Any,
) -> bytes:
    """A message of class `clazz`; `more` are further top-level fields, `now` ms since the epoch."""
    return msgspec.json.encode(
        {
            "clazz": clazz,
            "timestamp": now,
            "correlation_id": correlation_id,
            "payload": payload,
            **more,
        }
    )


def ack(correlation_id: str, now: int) -> bytes:
    """An FL's receipt for a command, sent before it handles it."""
    return message(names.INFO, {"clazz": names.ACK}, correlation_id, now)


def alive_request(correlation_id: str, now: int) -> bytes:
    """The router's question whether an FL is there; its timestamp is the clock for expiry."""
    payload = {"clazz": names.ALIVE_REQUEST, "timestamp": now}
    return message(names.COMMAND, payload, correlation_id, now)


def alive_response(correlation_id: str, region: str, failed_messages: int, now: int) -> bytes:
    """An FL's sign of life, with the number of writes that failed since the last one reported."""
    payload = {
        "clazz": names.ALIVE_RESPONSE,
        "timestamp": now,
        "region": region,
        "failed_messages": failed_messages,
    }
    return message(names.INFO, payload, correlation_id, now, region=region)


def sync_request(correlation_id: str, now: int, dump_id: str = "") -> bytes:
    """Asks an FL for a list of its switches and ports, whose records carry `dump_id` if any."""
    payload: dict[str, Any] = {"clazz": names.SYNC_REQUEST, "timestamp": now}
    if dump_id:
        payload["dump_id"] = dump_id
    return message(names.COMMAND, payload, correlation_id, now)


def chunk(
    payload: dict[str, Any] | msgspec.Raw | None,
    correlation_id: str,
    index: int,
    total: int,
    now: int,
) -> bytes:
    """One link of a chain of the newer form; `total` 0 with no payload is the empty chain."""
    return message(
        names.CHUNK,
        payload,
        correlation_id,
        now,
        message_id=f"{index} : {correlation_id}",
        total_messages=total,
    )


def unmanaged(switch: str, correlation_id: str, now: int) -> bytes:
    """Tells listeners that nobody knows the state of `switch` for now."""
    payload = {"clazz": names.UNMANAGED, "timestamp": now, "switch_id": switch}
    return message(names.INFO, payload, correlation_id, now)


def switch_event(switch: str, state: str, correlation_id: str, now: int) -> bytes:
    """A `SwitchInfoData`; with `state` REMOVED it is the offline notification."""
    payload = {
        "clazz": names.SWITCH_EVENT,
        "timestamp": now,
        "switch_id": switch,
        "state": state,
    }
    return message(names.INFO, payload, correlation_id, now)
