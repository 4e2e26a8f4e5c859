"""The router's workers ask the history worker, and pass on what it answers."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from flrouter.web.access.hosted import Hosted
from flrouter.web.calls.call import BASE, Call, Operation, Refusal
from flrouter.web.calls.shapes import Problem
from flrouter.web.calls.workers import body_of, parameters
from flrouter.web.history import shapes
from flrouter.web_port import tls

#: s; how long it may take to answer.
TIMEOUT_S = 10.0
#: why it refuses what its own clients asked for.
_PASSED_ON = {400, 404, 503}

Answer = TypeVar("Answer")


class HistoryWorker:
    """The one that the settings name."""

    def __init__(self, app: Hosted) -> None:
        self._app = app
        self._trust = tls.Trust(app.settings)

    async def ask(self, path: str, query: msgspec.Struct, kind: type[Answer]) -> Answer:
        """What it answers.

        Raises:
            Refusal: there is none, it does not answer, or it refuses.
        """
        url = self._app.settings.history_url
        if not url:
            text = (
                "this router is not told where its history is: run `flrouter history worker`, and"
                " set FLROUTER_HISTORY_URL for the workers"
            )
            raise Refusal(404, text)
        token = self._app.settings.read_token
        target = f"{url}{BASE}{path}?{urlencode(parameters(query))}"
        try:
            async with self._app.http_client.get(
                target,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                allow_redirects=False,
                ssl=self._trust.context,
            ) as response:
                status, data = response.status, await body_of(response)
            if status == 200:
                return msgspec.json.decode(data, type=kind)
            why = msgspec.json.decode(data, type=Problem).error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            status = 0
        if status in _PASSED_ON:
            raise Refusal(status, why)
        text = f"{url} does not tell of the history ({why}): is a history worker running there?"
        raise Refusal(503, text, {"Retry-After": "5"})


async def _requests(call: Call) -> shapes.EndedPage:
    return await call.site.history.ask("/history", call.query, shapes.EndedPage)


async def _events(call: Call) -> shapes.HappenedPage:
    return await call.site.history.ask("/history/events", call.query, shapes.HappenedPage)


async def _request(call: Call) -> shapes.EndedWhole:
    path = f"/history/requests/{quote(call.names['id'], safe='')}"
    return await call.site.history.ask(path, call.query, shapes.EndedWhole)


OPERATIONS = (
    Operation(
        "GET",
        "/history",
        "Requests that have ended, as far back as the history goes, newest first.",
        _requests,
        shapes.EndedPage,
        shapes.PastRequests,
        None,
        (404, 503),
    ),
    Operation(
        "GET",
        "/history/events",
        "What happened to FLs and switches, and who ordered what, newest first.",
        _events,
        shapes.HappenedPage,
        shapes.PastEvents,
        None,
        (404, 503),
    ),
    Operation(
        "GET",
        "/history/requests/{id}",
        "A request of the history, with its parts.",
        _request,
        shapes.EndedWhole,
        shapes.PastRequest,
        None,
        (404, 503),
    ),
)
