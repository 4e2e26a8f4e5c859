"""The history, as far as a worker writes it: what ended and what happened, when that is durable.

It is telemetry. Nothing waits for it: it has a producer of its own, is written outside of every
guarantee, and what a broker does not take in time is lost, counted and told of once a minute.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaError, Producer
from kafka.errors import KafkaError as AdminError
from mode import Service

from flrouter.clock import now_ms
from flrouter.core.values.effects import Effects, End, Happening
from flrouter.core.values.events import Event
from flrouter.history.record import FORMAT, Batch, encode, next_behind, worker_source
from flrouter.kafka.cluster.topics import Wanted, make
from flrouter.kafka.librdkafka import Configuration, writing
from flrouter.retry import Backoff, Reminder
from flrouter.settings.model import Settings

#: how long news waits for more, and how much goes at once.
GATHERING_S = 0.2
FULL_BYTES = 100_000
#: how much may wait for a broker, and how long. What is beyond that is lost.
MAX_WAITING_KB = 32 * 1024
MESSAGE_TIMEOUT_S = 60
#: how long a worker's end may wait for it.
FLUSH_TIMEOUT_S = 2.0
#: of a request in a record, beside its payloads: its texts are cut.
MAX_REQUEST_BYTES = 4_000


class History(Service):
    """Writes the history of what this worker does; nothing where the settings want none."""

    def __init__(self, settings: Settings, worker: Callable[[], str]) -> None:
        """`worker` says under which URL others know this worker."""
        super().__init__()
        self._settings = settings
        self._worker = worker
        self._url = ""
        self._producer: Producer | None = None
        #: source → the id behind which its next ones begin.
        self._behind: dict[int, int] = {}
        largest = MAX_REQUEST_BYTES + 2 * settings.history_payload_bytes
        #: in one batch: no record is too large.
        self._max_requests = max(settings.max_message_bytes // largest, 1)
        #: batches that wait for others, and their bytes.
        self._waiting: list[msgspec.Raw] = []
        self._waiting_bytes = 0
        #: what was written, and what was lost.
        self.counts: Counter[tuple[Event, str]] = Counter()
        self._reminder = Reminder()

    def tell(self, shard: int, effects: Effects) -> None:
        """What a shard decided is durable: its answers are delivered."""
        self._add(shard, effects.ends, effects.happenings)

    def order(self, happening: Happening) -> None:
        """Somebody ordered something of this worker."""
        self._add(worker_source(self._url), (), (happening,))

    def _add(self, source: int, ends: Sequence[End], happenings: Sequence[Happening]) -> None:
        if self._producer is None:
            return
        now, most = now_ms(), self._max_requests
        for first in range(0, max(len(ends), len(happenings)), most):
            some, others = ends[first : first + most], happenings[first : first + most]
            behind = self._behind.get(source, 0)
            batch = encode(Batch(FORMAT, self._url, source, behind, now, some, others))
            latest = max([one.ended for one in some[-1:]] + [one.at for one in others[-1:]])
            self._behind[source] = next_behind(behind, latest) + max(len(some), len(others))
            if self._waiting_bytes + len(batch) > FULL_BYTES:
                self._write()
            self._waiting.append(msgspec.Raw(batch))
            self._waiting_bytes += len(batch)

    def _write(self) -> None:
        """Give what waits to the producer as one record: each costs as much as many requests."""
        if self._producer is None or not self._waiting:
            return
        value = encode(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        try:
            self._producer.produce(self._settings.history_topic, value, on_delivery=self._came)
        except BufferError:
            self._lost("brokers do not take it as fast as it comes")
        else:
            self.counts[Event.HISTORY_WRITTEN, ""] += 1

    def _came(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            self._lost(error.str())

    def _lost(self, why: str) -> None:
        self.counts[Event.HISTORY_LOST, ""] += 1
        if self._reminder.is_due():
            self.log.warning("some of the history is lost: %s", why)

    async def on_stop(self) -> None:
        """Write what is left, if that goes at once."""
        self._write()
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.flush, FLUSH_TIMEOUT_S)

    @Service.task
    async def _run(self) -> None:
        if not self._settings.history:
            return
        self._url = self._worker()
        await self._make_topic()
        self._producer = Producer(configuration(self._settings))
        while self._producer is not None and not self.should_stop:
            self._producer.poll(0)
            self._write()
            await self.sleep(GATHERING_S)

    async def _make_topic(self) -> None:
        """Try until it is there: whatever is in the way of it is in nobody else's."""
        wanted = [Wanted(self._settings.history_topic)]
        backoff = Backoff(1, 60)
        while not self.should_stop:
            try:
                await asyncio.to_thread(make, self._settings, wanted)
            except AdminError as error:
                self._lost(f"topic {self._settings.history_topic} is not there: {error!r}")
                await self.sleep(backoff.next_s())
            else:
                return


def configuration(settings: Settings) -> Configuration:
    """What the producer is told."""
    changed: Configuration = {
        "acks": 1,
        "enable.idempotence": False,
        "message.timeout.ms": MESSAGE_TIMEOUT_S * 1_000,
        "queue.buffering.max.kbytes": MAX_WAITING_KB,
        "delivery.report.only.error": True,
    }
    if not settings.embedded:
        changed["compression.type"] = "lz4"
    return writing(settings) | changed
