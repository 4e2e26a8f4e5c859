"""The router as any worker tells of it over HTTP (docs/api.md), for the commands that ask it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

from flrouter.cli.silence import Silence
from flrouter.failure import Failure
from flrouter.settings.model import Settings
from flrouter.web_port import tls

#: s; a worker waits 2 s for the others.
TIMEOUT_S = 10.0
_STRANGER = "is FLROUTER_WORKER_URL that of a worker of flrouter's, of this version?"
#: rows that a page has at most.
PAGE_ROWS = 1_000

Row = dict[str, Any]


class Rows(NamedTuple):
    """Those of a list, and who did not tell of more."""

    rows: list[Row]
    silence: Silence


class _FollowNobody(urllib.request.HTTPRedirectHandler):
    """What is for a worker, the token above all, goes nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse."""


def _opener(settings: Settings) -> urllib.request.OpenerDirector:
    """No proxy either: `http_proxy` is meant for the world outside, and would see the token."""
    handlers = [urllib.request.ProxyHandler({}), _FollowNobody()]
    if settings.worker_url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=tls.trusted(settings)))
    return urllib.request.build_opener(*handlers)


class Router:
    """Asks the worker that the settings name."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_S) -> None:
        self._timeout = timeout  # s
        self._url = settings.worker_url
        self._opener = _opener(settings)
        self._tokens = {"GET": settings.read_token, "POST": settings.token}

    def get(self, *path: str, **query: object) -> Row:
        """What it says.

        Args:
            path: parts of the path below `/api/v1`; they are quoted here.
            query: its parameters; those that are None are left out.

        Raises:
            Failure: it does not answer, or refuses; the text says what to do.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask(
            "GET", _path(path) + (f"?{urllib.parse.urlencode(given)}" if given else "")
        )

    def rows(self, resource: str, limit: int | None = None, **query: object) -> Rows:
        """The rows of a list that are known; at most `limit` of them.

        Raises:
            Failure: as for `get`.
        """
        after: str | None = None
        rows: list[Row] = []
        silence = Silence()
        while limit is None or len(rows) < limit:
            size = PAGE_ROWS if limit is None else min(limit - len(rows), PAGE_ROWS)
            page = self.get(resource, after=after, limit=size, **query)
            silence |= Silence.of(page)
            rows += page["items"]
            after = page["next"]
            if after is None:
                break
        return Rows(rows, silence)

    def post(self, *path: str, body: Mapping[str, object] | None = None) -> str:
        """Have something changed; returns what is done about it.

        Raises:
            Failure: as for `get`.
        """
        return str(self._ask("POST", _path(path), body or {})["message"])

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Row:
        headers = {"Content-Type": "application/json"}
        if token := self._tokens[method]:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            f"{self._url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                body_said = json.load(answer, object_hook=_Said)
        except urllib.error.HTTPError as refused:
            with refused:
                raise Failure(_refusal(refused, method)) from refused
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failure(
                f"no worker answers at {self._url} ({error}): is one running, and is"
                " FLROUTER_WORKER_URL right? Any worker may be asked"
            ) from error
        if not isinstance(body_said, _Said):
            raise Failure(f"{self._url} says {body_said!r:.40}: {_STRANGER}")
        return body_said


class _Said(dict[str, Any]):
    """An object as a worker tells it: what it lacks, a worker of this version would have said."""

    def __missing__(self, name: str) -> Any:
        raise Failure(f"the answer has no {name!r}: {_STRANGER}")


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(urllib.parse.quote(part, safe="") for part in parts)


def _refusal(refused: urllib.error.HTTPError, method: str) -> str:
    """The worker's own sentence, and what it cannot know."""
    if 300 <= refused.code < 400:
        return (
            f"{refused.url} sends on to {refused.headers.get('Location')}, which is not followed:"
            " set FLROUTER_WORKER_URL to the address at which a worker itself answers"
        )
    try:
        told = str(json.load(refused)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{refused.url} answers {refused.code}: {_STRANGER}"
    if refused.code in (401, 403):
        setting = "FLROUTER_READ_TOKEN" if method == "GET" else "FLROUTER_TOKEN"
        return f"{told}. The command line takes it from {setting}"
    return told
