"""The other workers: each knows its own shards, so a question about all goes to all workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from msgspec.structs import replace

from flrouter.faust_side.app import RouterApp
from flrouter.web.calls.queries import Query
from flrouter.web_port import tls

#: s; a worker that takes longer is reported as missing.
TIMEOUT_S = 2.0
#: the header that every worker with this API sends, also with a 404.
VERSION = "Flrouter-Version"
#: bytes of an answer; the rest is cut off.
MAX_ANSWER_BYTES = 16 << 20

Answer = TypeVar("Answer")


class Workers:
    """The workers of the group, as of the last rebalance."""

    def __init__(self, app: RouterApp) -> None:
        self._app = app
        self._trust = tls.trust(app.settings)

    @property
    def own(self) -> str:
        """This worker's URL."""
        return str(self._app.conf.canonical_url).rstrip("/")

    def shards(self) -> dict[str, list[int]]:
        """The shards of each worker, by its URL; of this worker, those that it has now."""
        by_url: dict[str, list[int]] = {}
        for url, topics in self._app.assignor.tables_metadata().items():
            by_url[str(url).rstrip("/")] = sorted(next(iter(topics.values()), []))
        by_url[self.own] = sorted(self._app.shards.by_number)
        return by_url

    async def ask(
        self, path: str, query: Query, kind: type[Answer], shard: int | None = None
    ) -> tuple[list[Answer], list[str]]:
        """Ask the others, each about its own shards alone.

        Args:
            kind: the class of an answer.
            shard: ask only its owner; None: all.

        Returns:
            The answers, and the URLs of those that did not answer.
        """
        urls = [
            url
            for url, shards in self.shards().items()
            if url != self.own and (shard is None or shard in shards)
        ]
        target = f"{path}?{urlencode(parameters(replace(query, local=True)))}"
        answers = await asyncio.gather(*(self._one(url + target, kind) for url in urls))
        missing = [url for url, known in zip(urls, answers, strict=True) if known is None]
        return [answer for known in answers for answer in known or ()], sorted(missing)

    async def _one(self, url: str, kind: type[Answer]) -> list[Answer] | None:
        """The answer of a worker; empty if it knows of nothing, None if it does not answer."""
        try:
            status, headers, data = await self.get(url, TIMEOUT_S)
            if status == 404 and headers.get(VERSION):
                return []
            return [msgspec.json.decode(data, type=kind)] if status == 200 else None
        except (aiohttp.ClientError, OSError, ValueError):
            return None

    async def get(self, url: str, timeout_s: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of an answer of another process of this router.

        Raises:
            aiohttp.ClientError, OSError: it does not answer in time.
        """
        token = self._app.settings.read_token
        async with self._app.http_client.get(
            url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            allow_redirects=False,
            ssl=self._trust.context,
        ) as response:
            data = b""
            while len(data) < MAX_ANSWER_BYTES and not response.content.at_eof():
                data += await response.content.read(MAX_ANSWER_BYTES - len(data))
            return response.status, response.headers, data


def parameters(query: msgspec.Struct) -> dict[str, str]:
    """The parameters, as a URL has them. What is empty is not asked for; False and 0 may be."""
    given = msgspec.to_builtins(query)
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value not in (None, "")
    }
