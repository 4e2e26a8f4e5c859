"""The page `/metrics`, in Prometheus' text or in OpenMetrics, as the reader asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from flrouter.faust_side.base import BaseApp


def register(
    app: BaseApp, registry: CollectorRegistry, refresh: Callable[[], Awaitable[object]]
) -> None:
    """Give `app` the page: a registry, which is refreshed before each answer, and the process."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)

    async def metrics(view: Any, request: web.Request) -> web.Response:
        await refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app.page("/metrics", name="metrics")(metrics)
