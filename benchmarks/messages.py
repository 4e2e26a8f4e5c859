"""The messages of the benchmark, as bytes: building one must not cost the clients anything."""

from __future__ import annotations

import json
import time

_O = "org.openkilda.messaging"
_INFO = f"{_O}.info.InfoMessage"

#: bytes of every command.
COMMAND_BYTES = 300
#: characters of a requester's correlation id; all have as many.
ID_LENGTH = 20

#: what stands before a correlation id in every message here.
ID_KEY = b'"correlation_id":"'
#: what tells an error from an answer, an acknowledgement from both, and questions from commands.
ERROR_MARK = b".error.ErrorMessage"
ACK_MARK = b".FlReceiveAck"
ALIVE_MARK = b".AliveRequest"
SYNC_MARK = b".NetworkCommandData"


def switch_id(number: int) -> str:
    """The id of switch `number`."""
    digits = f"{number:016x}"
    return ":".join(digits[at : at + 2] for at in range(0, 16, 2))


def correlation_id(phase: int, number: int) -> bytes:
    """The id of a phase's command `number`; :func:`number_of` reads it."""
    return b"bench-%03d-%010d" % (phase, number)


def command_around(switch: int) -> tuple[bytes, bytes]:
    """What stands before and after the correlation id of a command for a switch."""
    message = {
        "clazz": f"{_O}.command.CommandMessage",
        "timestamp": 1_700_000_000_000,
        "correlation_id": "*" * ID_LENGTH,
        "payload": {
            "clazz": f"{_O}.command.flow.RemoveFlow",
            "flowid": "",
            "cookie": 123,
            "switch_id": switch_id(switch),
            "meter_id": 1,
        },
    }
    missing = COMMAND_BYTES - len(_dump(message))
    message["payload"]["flowid"] = "f" * missing  # type: ignore[index]
    before, after = _dump(message).split(b"*" * ID_LENGTH)
    return before, after


def ack_around() -> tuple[bytes, bytes]:
    """What stands before and after the correlation id of an acknowledgement."""
    return _info_around({"clazz": f"{_O}.info.FlReceiveAck"})


def alive_around(floodlight: str) -> tuple[bytes, bytes]:
    """The same of an FL's sign of life."""
    return _info_around(
        {"clazz": f"{_O}.AliveResponse", "region": floodlight, "failed_messages": 0}
    )


def sync_link(correlation: str, switch: int, index: int, total: int) -> bytes:
    """Link `index` of the chain with which an FL lists its switches."""
    ports = [{"number": 1, "state": "UP"}, {"number": 2, "state": "DOWN"}]
    return _dump(
        {
            "clazz": f"{_O}.info.ChunkedInfoMessage",
            "timestamp": _now(),
            "correlation_id": correlation,
            "message_id": f"{index} : {correlation}",
            "total_messages": total,
            "payload": {
                "clazz": f"{_O}.info.discovery.NetworkDumpSwitchData",
                "switch_record": {"datapath": switch_id(switch), "ports": ports},
            },
        }
    )


def id_in(message: bytes) -> bytes:
    """The correlation id of a message that one of our clients or contenders wrote."""
    start = message.find(ID_KEY) + len(ID_KEY)
    return message[start : message.find(b'"', start)]


def _info_around(payload: dict[str, object]) -> tuple[bytes, bytes]:
    message = {
        "clazz": _INFO,
        "timestamp": _now(),
        "correlation_id": "*" * ID_LENGTH,
        "payload": payload,
    }
    before, after = _dump(message).split(b"*" * ID_LENGTH)
    return before, after


def _dump(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def _now() -> int:
    return int(time.time() * 1000)
