"""The history: the router's workers ask the history worker, and pass on its answers.

So browsers and the command line need no other address. `flrouter history worker` serves the same
paths from its database (`history/worker/serving.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from flrouter.history.search import (
    MAX_LIMIT,
    EndedPage,
    EndedWhole,
    EventSearch,
    HappenedPage,
    Search,
)
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.shapes import Problem
from flrouter.web.calls.workers import parameters

#: s; how long the history worker may take to answer.
TIMEOUT_S = 10.0
#: statuses with which it refuses what its clients ask.
_PASSED_ON = {400, 404, 503}

Answer = TypeVar("Answer")


class PastRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The parameters of a request for one request."""

    limit: Annotated[
        int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many of its parts at most.")
    ] = MAX_LIMIT


def _passed_on(path: str, summary: str, answer: Any, query: type[msgspec.Struct]) -> Operation:
    """What the history worker answers at this path."""

    async def handle(call: Call, name: str = "") -> Any:
        return await _ask(call, path.replace("{id}", quote(name, safe="")), answer)

    return Operation(path, summary, handle, answer, query, refusals=(404,))


async def _ask(call: Call, path: str, kind: type[Answer]) -> Answer:
    """The answer of the history worker.

    Raises:
        Refusal: there is no history worker, it does not answer, or it refuses.
    """
    url = call.app.settings.history_url
    if not url:
        text = (
            "this router does not know where its history is: run `flrouter history worker`, and"
            " set FLROUTER_HISTORY_URL for the workers"
        )
        raise Refusal(404, text)
    target = f"{url}{BASE}{path}?{urlencode(parameters(call.query))}"
    status = 0
    try:
        status, _, data = await call.site.workers.get(target, TIMEOUT_S)
        if status == 200:
            return msgspec.json.decode(data, type=kind)
        why = msgspec.json.decode(data, type=Problem).error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        status = 0
    if status in _PASSED_ON:
        raise Refusal(status, why)
    text = f"{url} does not answer for the history ({why}): is a history worker running there?"
    raise Refusal(503, text, {"Retry-After": "5"})


OPERATIONS = (
    _passed_on(
        "/history",
        "Requests that have ended, as far back as the history goes, newest first.",
        EndedPage,
        Search,
    ),
    _passed_on(
        "/history/events",
        "What happened to FLs and switches, and who ordered what, newest first.",
        HappenedPage,
        EventSearch,
    ),
    _passed_on(
        "/history/requests/{id}",
        "A request of the history, with its parts.",
        EndedWhole,
        PastRequest,
    ),
)
