"""The other workers: each knows of its own shards, so whoever is asked for all asks them."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from flrouter.faust_side.app import RouterApp
from flrouter.web_port import tls as web_tls

#: s; how long a worker may take to answer, before it is said to be missing.
TIMEOUT_S = 2.0
#: the header with which a worker that has this API says so, also where it knows of nothing.
VERSION = "Flrouter-Version"
#: bytes that an answer of another worker may have.
MAX_ANSWER_BYTES = 16 << 20

Answer = TypeVar("Answer")


class Workers:
    """The workers of the group, as the last rebalance told them of each other."""

    def __init__(self, app: RouterApp) -> None:
        self._app = app
        self._trust = web_tls.Trust(app.settings)

    @property
    def own(self) -> str:
        """This worker's URL."""
        return str(self._app.conf.canonical_url).rstrip("/")

    def shards(self) -> dict[str, list[int]]:
        """Worker → its shards; this one with those that it has now."""
        by_url: dict[str, list[int]] = {}
        for url, topics in self._app.assignor.tables_metadata().items():
            by_url[str(url).rstrip("/")] = sorted(next(iter(topics.values()), []))
        by_url[self.own] = sorted(self._app.shards.numbers)
        return by_url

    async def ask(
        self, path: str, query: msgspec.Struct, kind: type[Answer], shard: int | None = None
    ) -> tuple[list[Answer], list[str]]:
        """What the others answer of their own shards, and who of them did not.

        Args:
            path: of the request.
            query: its parameters; the others are asked for their own shards alone.
            kind: what they answer.
            shard: ask only who has it; None: all.
        """
        urls = [
            url
            for url, shards in self.shards().items()
            if url != self.own and (shard is None or shard in shards)
        ]
        target = f"{path}?{urlencode(local(query))}"
        answers = await asyncio.gather(*(self._one(url + target, kind) for url in urls))
        missing = [
            url
            for url, answer_of_worker in zip(urls, answers, strict=True)
            if answer_of_worker is None
        ]
        return [
            answer
            for answer_of_worker in answers
            if answer_of_worker is not None
            for answer in answer_of_worker
        ], sorted(missing)

    async def _one(self, url: str, kind: type[Answer]) -> tuple[Answer, ...] | None:
        """What a worker answers; nothing when it knows of none, None when it does not answer."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        token = self._app.settings.read_token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        tls = self._trust.context
        try:
            async with self._app.http_client.get(
                url,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                ssl=tls,
            ) as response:
                if response.status == 404 and response.headers.get(VERSION):
                    return ()
                if response.status != 200:
                    return None
                data = await body_of(response)
            return (msgspec.json.decode(data, type=kind),)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """Its body, cut where it is too long."""
    data = await response.content.read(MAX_ANSWER_BYTES)
    while not response.content.at_eof() and len(data) < MAX_ANSWER_BYTES:
        data += await response.content.read(MAX_ANSWER_BYTES - len(data))
    return data


def local(query: msgspec.Struct) -> dict[str, str]:
    """The same parameters, as a worker is asked for its own shards alone."""
    return parameters(query) | {"local": "true"}


def parameters(query: msgspec.Struct) -> dict[str, str]:
    """The parameters, as they stand in a URL."""
    given = msgspec.to_builtins(query)
    # False and 0 are asked for; what is empty is not, and cannot be said in a URL.
    return {name: _text(value) for name, value in given.items() if value not in (None, "")}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
