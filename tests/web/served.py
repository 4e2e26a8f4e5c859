"""A worker's web application behind a port, with no Kafka behind it."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from flrouter.app import create_app
from flrouter.core.shard import Shard
from flrouter.faust_side.app import RouterApp
from flrouter.settings.model import load


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The address of a Faust application that is not started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Faust adds its own pages in an old way
        app.web.init_server()
    runner = web.AppRunner(app.web.web_app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await app.http_client.close()
        await runner.cleanup()


@asynccontextmanager
async def served(core: Shard, app: RouterApp | None = None) -> AsyncIterator[str]:
    """The address of a worker, of this app or any, that has this shard alone."""
    app = app or create_app(load({}))
    app.shards.ownership.runners[0] = SimpleNamespace(core=core, waiting=0, progress={})  # type: ignore[assignment]
    async with listening(app) as url:
        yield url
