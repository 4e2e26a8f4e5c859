"""Who ordered what, for the history: every request that changes something, also refused ones."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from aiohttp import web

from flrouter.clock import now_ms
from flrouter.core.values.effects import Happening
from flrouter.messages.switch_id import BadSwitchId, canonical
from flrouter.runtime.history import History
from flrouter.web.access.recognition import ADDRESS, PERSON
from flrouter.web.calls.call import Call, Operation

#: the result of an order that is not refused.
DONE = "done"


def remember(
    history: History, operation: Operation, request: web.Request, call: Call | None, result: str
) -> None:
    """Write an order to the history; `result` is :data:`DONE`, or why it is refused.

    Without a call it was refused unread, and is written if its person has a name. Without a person
    somebody with the token gave it.
    """
    person = request.get(PERSON)
    if operation.body is None or (call is None and person is None):
        return
    said = msgspec.to_builtins(call.body) if call is not None else {}
    given = [f"{name}={value}" for name, value in said.items() if value is not None]
    kind = operation.path.strip("/").partition("/")[0]
    name = request.match_info.get("id", "")
    switch = name if kind == "switches" else ""
    with suppress(BadSwitchId):
        switch = switch and canonical(switch)
    history.order(
        Happening(
            now_ms(),
            "order",
            name if kind == "floodlights" else said.get("floodlight", ""),
            switch,
            " ".join([operation.path.rpartition("/")[2], *given]),
            person.name if person is not None else "token",
            request[ADDRESS],
            result,
        )
    )
