"""A history worker over a store, and a router's worker that asks it: no Kafka behind them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from flrouter.app import create_app
from flrouter.core.shard import Shard
from flrouter.history.store import Store
from flrouter.history.worker import serving
from flrouter.history.worker.app import HistoryApp
from flrouter.runtime.rules import rules_of
from flrouter.settings.model import Settings
from tests.support.patience import HOPE
from tests.web.served import listening, served


@asynccontextmanager
async def history_worker(store: Store, settings: Settings) -> AsyncIterator[str]:
    """Its address."""
    app = HistoryApp(settings, store)
    serving.register(app, store, app.metrics)
    async with listening(app) as url:
        yield url


@asynccontextmanager
async def router_worker(settings: Settings) -> AsyncIterator[str]:
    """The address of one with these settings."""
    app = create_app(settings)
    shard = Shard(0, rules_of(settings), settings.message_catalog)
    async with served(shard, app) as url:
        yield url


@contextmanager
def in_background(serving: AbstractAsyncContextManager[str]) -> Iterator[str]:
    """What it gives, while it runs in a thread of its own."""
    ready, enough = threading.Event(), threading.Event()
    address: list[str] = []

    async def run() -> None:
        async with serving as url:
            address.append(url)
            ready.set()
            await asyncio.to_thread(enough.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(60 * HOPE)
        yield address[0]
    finally:
        enough.set()
        thread.join()


@asynccontextmanager
async def router_over(store: Store) -> AsyncIterator[str]:
    """A router's worker, a history worker behind it, and this store behind that."""
    async with (
        history_worker(store, Settings()) as history,
        router_worker(Settings(history_url=history)) as router,
    ):
        yield router
