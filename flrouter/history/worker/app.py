"""The history worker: a Faust application that reads the history topic into the database.

Offsets are committed when the database has the records. A record that comes twice changes nothing
there, so a killed worker, or a second one, does no harm. A database that is away is waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from faust.types import TP, StreamT

from flrouter.history import record
from flrouter.history.opening import open_store
from flrouter.history.record import Batch, Unreadable
from flrouter.history.search import StoreFailed
from flrouter.history.store import Store
from flrouter.history.worker import serving
from flrouter.history.worker.metrics import Metrics
from flrouter.network.listener import Listener
from flrouter.retry import Backoff, Reminder
from flrouter.settings.model import Settings
from flrouter.web.calls import health
from flrouter.web.metrics import page

#: records of one insert, and how long the first waits for the others (s).
MAX_RECORDS = 500
GATHERING_S = 0.5
#: s; between two deletions of old days.
RETENTION_INTERVAL_S = 60.0
DAY_MS = 86_400_000


class HistoryApp(Listener):
    """Reads the topic and keeps the database small enough."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, "history")
        self.store = store
        #: why the database takes no records; empty if it does.
        self.trouble = ""
        self._reminder = Reminder()
        self.metrics = Metrics(settings.app_id)
        #: the first record of each partition that the database does not have.
        self._next_offsets: dict[TP, int] = {}

    async def index(self, stream: StreamT[bytes]) -> None:
        """Keep the records of a stream."""
        async for events in stream.take_events(MAX_RECORDS, within=GATHERING_S):
            begin = {event.message.tp: event.message.offset for event in reversed(events)}
            self._next_offsets |= begin
            await self.keep([event.value for event in events])
            end = {event.message.tp: event.message.offset + 1 for event in events}
            self._next_offsets |= end

    async def measure_lag(self) -> None:
        """Update the metric. Brokers tell the end of a partition with its records."""
        ends = self.monitor.tp_end_offsets.items()
        self.metrics.lag.set(sum(max(end - self._next_offsets.get(tp, end), 0) for tp, end in ends))

    async def keep(self, values: Sequence[bytes | None]) -> None:
        """Insert records. Returns when the database has them."""
        backoff = Backoff(0.25, 10)
        batches: list[Batch] = []
        skipped = 0
        for value in values:
            try:
                batches += record.decode(value or b"")
            except Unreadable as error:
                skipped += 1
                self.log.warning("a record of the history topic was skipped: %s", error)
        while not self.should_stop:
            try:
                await asyncio.to_thread(self.store.insert, batches)
            except StoreFailed as error:
                self._say(error)
                await self.sleep(backoff.next_s())
            else:
                self.trouble = ""
                self.metrics.indexed.inc(len(values) - skipped)
                self.metrics.skipped.inc(skipped)
                return
        raise asyncio.CancelledError  # their offsets must not be committed

    async def forget(self) -> None:
        """Delete days that are too old, and the oldest ones of a database that is too large."""
        settings = self.settings
        oldest = round(time.time() * 1000) - settings.history_days * DAY_MS
        try:
            await asyncio.to_thread(self.store.forget, oldest)
            await asyncio.to_thread(self.store.shrink, settings.history_max_mb * 1_000_000)
        except StoreFailed as error:
            self._say(error)

    def _say(self, error: StoreFailed) -> None:
        self.trouble = str(error)
        self.metrics.failures.inc()
        if self._reminder.is_due():
            self.log.error("%s; trying again until it works", error)

    async def on_stop(self) -> None:
        """Let go of the database."""
        await super().on_stop()
        await asyncio.to_thread(self.store.close)


def create_app(settings: Settings) -> HistoryApp:
    """The history worker as a Faust application."""
    app = HistoryApp(settings, open_store(settings))
    topic = app.topic(settings.history_topic, partitions=settings.partitions)

    app.agent(topic, name="index")(app.index)
    app.timer(interval=RETENTION_INTERVAL_S, on_leader=False)(app.forget)
    health.serve(app, "healthz", lambda: app.trouble)
    page.register(app, app.metrics.registry, app.measure_lag)
    serving.register(app, app.store, app.metrics)
    return app
