"""The page `/metrics`."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from flrouter.runtime.app import RouterApp
from flrouter.web.metrics.collector import RouterCollector
from flrouter.web.tally import Tally


def register(app: RouterApp, tally: Tally) -> None:
    """Give `app` the page; in Prometheus' text or in OpenMetrics, as the reader asks."""
    registry = CollectorRegistry()
    registry.register(RouterCollector(app, tally))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)

    async def metrics(view: Any, request: web.Request) -> web.Response:
        await tally.fresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app.page("/metrics", name="metrics")(metrics)
