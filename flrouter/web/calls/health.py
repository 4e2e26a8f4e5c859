"""`/healthz` and `/readyz`: whether this worker works, and whether it serves its shards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flrouter.faust_side.app import RouterApp
from flrouter.faust_side.base import BaseApp


def register(app: RouterApp) -> None:
    """Give `app` both pages: 200, or 503 with the reason."""
    serve(app, "healthz", lambda: broken(app))
    serve(app, "readyz", lambda: not_ready(app))


def serve(app: BaseApp, name: str, trouble: Callable[[], str]) -> None:
    """Give any app the page of this name, which tells its trouble if there is one."""

    async def tell(view: Any, request: Any) -> Any:
        reason = trouble()
        return view.text(f"{reason or 'ok'}\n", status=503 if reason else 200)

    app.page(f"/{name}", name=name)(tell)


def broken(app: RouterApp) -> str:
    """Why only a new process can help; empty if this one works.

    A broker that is away is no reason: the worker waits for it.
    """
    for part, service in (("it", app), ("its consumer", app.consumer), ("its shards", app.shards)):
        if service.crashed:
            return f"{part} crashed: {service.crash_reason!r}"
    return ""


def not_ready(app: RouterApp) -> str:
    """Why this worker serves no shards now; empty if it does."""
    reason = broken(app)
    if reason:
        return reason
    shards = app.shards
    if app.should_stop:
        return "it is stopping"
    if app.contact.trouble:
        return app.contact.trouble
    if not shards.serving:
        if shards.refusal:
            return shards.refusal
        left = shards.left_to_restore
        rest = f", {left} records to restore" if left else ""
        return f"rebalancing: it is taking over its shards{rest}"
    if shards.by_number and not shards.ownership.may_write:
        return "the coordinator of its consumer group (Kafka) does not answer"
    return ""
