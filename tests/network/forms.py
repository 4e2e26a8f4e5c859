"""Chains written out, in each of their forms."""

from __future__ import annotations

from typing import Any

from flrouter.messages import names
from flrouter.messages.forms import build

FORMS = ("numbered", "linked", "framed")


def dump(switch: str, ports: dict[int, str] | None = None) -> dict[str, Any]:
    """The entry of a sync's chain that lists a switch."""
    listed = [{"number": number, "state": state} for number, state in (ports or {}).items()]
    return {"clazz": names.DUMP_SWITCH, "switch_record": {"datapath": switch, "ports": listed}}


def chain(entries: list[dict[str, Any]], name: str, form: str) -> list[bytes]:
    """The messages of a chain of these payloads, whose first one has the id `name`."""
    if form == "framed":
        framed = [{"clazz": names.DUMP_BEGIN}, *entries, {"clazz": names.DUMP_END}]
        return [build.message(names.INFO, payload, name, 0) for payload in framed]
    if form == "numbered":
        if not entries:
            return [build.chunk(None, name, 0, 0, 0)]
        return [
            build.chunk(payload, name, index, len(entries), 0)
            for index, payload in enumerate(entries)
        ]
    ids = [name, *(f"{name} {index}" for index in range(1, len(entries) + 1))]
    payloads = [*entries, None]  # OpenKilda ends them with a link that has no payload
    return [
        build.message(names.CHUNK, payload, ids[at], 0, next_request_id=following)
        for at, (payload, following) in enumerate(zip(payloads, [*ids[1:], None], strict=True))
    ]
