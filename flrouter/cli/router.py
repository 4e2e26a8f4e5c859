"""A client for the HTTP API that every worker serves (docs/api.md)."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flrouter.cli.output import ranges
from flrouter.failure import Failure
from flrouter.settings.model import Settings
from flrouter.web_port import tls

#: s; a worker itself waits 2 s for the other workers.
TIMEOUT_S = 10.0
_STRANGER = "is FLROUTER_WORKER_URL that of a worker of flrouter's, of this version?"
#: most rows of a page.
PAGE_ROWS = 1_000

Row = dict[str, Any]


class Silence(NamedTuple):
    """Workers that did not answer, and shards that no worker reported. False if there are none."""

    workers: Collection[str] = frozenset()
    shards: Collection[int] = frozenset()

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Silence:
        """The workers and shards that are missing from an answer."""
        return cls(frozenset(answer["missing"]), frozenset(answer["missing_shards"]))

    def __or__(self, other: Silence) -> Silence:
        return Silence({*self.workers, *other.workers}, {*self.shards, *other.shards})

    def __bool__(self) -> bool:
        return bool(self.workers or self.shards)

    def __str__(self) -> str:
        away = ", ".join(f"{url} does not answer" for url in sorted(self.workers))
        if not self.shards:
            return away
        return f"shards {ranges(self.shards)} unavailable ({away or 'rebalancing'})"

    def admit(self) -> None:
        """Fail if anything is missing. Call it after showing what is known.

        Raises:
            Failure: workers or shards are missing.
        """
        if self:
            raise Failure(f"incomplete: {self}; try again, and see `flrouter status`")


class _FollowNobody(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a request, with its token, goes only to the worker it is meant for."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse every redirect."""


def _opener(settings: Settings) -> urllib.request.OpenerDirector:
    """An opener without redirects or proxies.

    The proxy of `http_proxy` is meant for the internet, and would see the token.
    """
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
        """The answer to a GET request.

        Args:
            path: parts of the path below `/api/v1`; they are quoted here.
            query: parameters of the query; those that are None are left out.

        Raises:
            Failure: the worker does not answer, or refuses; the text says what to do.
        """
        given = urllib.parse.urlencode(_given(query))
        return self._ask("GET", _path(path) + (f"?{given}" if given else ""))

    def rows(
        self, resource: str, limit: int | None = None, **query: object
    ) -> tuple[list[Row], Silence]:
        """At most `limit` rows of a list, from as many pages as needed; and whose rows are missing.

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
        return rows, silence

    def post(self, *path: str, **body: object) -> str:
        """Send a POST request; returns the worker's message.

        Args:
            path: as for `get`.
            body: members of the request; those that are None are left out.

        Raises:
            Failure: as for `get`.
        """
        return str(self._ask("POST", _path(path), _given(body))["message"])

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
    """A JSON object from a worker. If a member is missing, the other end is no such worker."""

    def __missing__(self, name: str) -> Any:
        raise Failure(f"the answer has no {name!r}: {_STRANGER}")


def _given(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(urllib.parse.quote(part, safe="") for part in parts)


def _refusal(refused: urllib.error.HTTPError, method: str) -> str:
    """The worker's own error text, with advice that only the command line can give."""
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
