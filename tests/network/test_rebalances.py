"""What a rebalance interrupts is read again, though nothing of it was committed: on a real broker.

A rebalance stops the flow, restores the table, seeks, and lets the flow go on; the tests do so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
import pytest

from flrouter.kafka.cluster.clients import connection
from flrouter.messages.forms import build
from flrouter.network.app import NetworkApp, create_app
from flrouter.settings.model import Settings
from tests.runtime.broker import settings
from tests.support.clients import create_topics
from tests.support.patience import HOPE
from tests.support.plain import switch_id

pytestmark = pytest.mark.broker

SWITCH = switch_id(1)
EVENT = build.switch_event(SWITCH, "ADDED", "event", now=0)

Report = Callable[[], Awaitable[Any]]


def test_a_fetch_that_was_dropped_is_read_again(broker_url: str) -> None:
    """Its partition begins anew, for nothing was committed of it."""

    async def interrupt(app: NetworkApp, report: Report) -> None:
        await report()
        thread = app.consumer._thread
        fetch = thread._consumer.getmany
        assert await thread.call_thread(fetch, timeout_ms=int(10_000 * HOPE))
        await app.consumer.perform_seek()

    asyncio.run(_interrupted(settings(broker_url), interrupt))


def test_a_fetch_that_outlives_the_flow_is_undone(broker_url: str) -> None:
    """Also of a changelog, which no seek to what was committed would bring back."""

    async def interrupt(app: NetworkApp, report: Report) -> None:
        app.consumer.perform_seek = _nothing
        fetches = app.consumer._thread._consumer._subscription
        app.consumer.resume_flow()
        while not fetches._fetch_count:
            await asyncio.sleep(0.001)
        app.consumer.stop_flow()
        await report()
        while fetches._fetch_count:
            await asyncio.sleep(0.001)

    asyncio.run(_interrupted(settings(broker_url), interrupt))


def test_whoever_looks_at_partitions_waits_for_no_position(broker_url: str) -> None:
    """Upstream's watch over them would end the view while one is reset."""

    async def interrupt(app: NetworkApp, report: Report) -> None:
        await report()
        seeking = asyncio.create_task(app.consumer.perform_seek())
        while not seeking.done():
            await app.consumer.verify_all_partitions_active()
            await asyncio.sleep(0)

    asyncio.run(_interrupted(settings(broker_url), interrupt))


async def _nothing() -> None:
    """Stands for what does not seek."""


async def _interrupted(
    given: Settings, interrupt: Callable[[NetworkApp, Report], Awaitable[None]]
) -> None:
    """Stop the flow, interrupt what is read then, and see that the switch comes into the view."""
    topics = {given.disco_topic: given.partitions, given.inbound_topics[0]: given.partitions}
    create_topics(given.broker, topics)
    app = create_app(given)
    app.conf.web_enabled = False
    async with aiokafka.AIOKafkaProducer(**connection(given)) as producer, app:
        async with asyncio.timeout(20 * HOPE):
            while not app.holds_view:
                await asyncio.sleep(0.02)
            app.consumer.stop_flow()
            await interrupt(
                app, lambda: producer.send_and_wait(given.disco_topic, EVENT, partition=3)
            )
            app.consumer.resume_flow()
            while list(app.view()) != [SWITCH]:
                await asyncio.sleep(0.02)
