"""The requester: sends commands at a steady rate, and reads every topic where answers come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import aiokafka

from flrouter.demo.traffic.commands import Command, Draw
from flrouter.demo.traffic.ledger import Ledger
from flrouter.demo.traffic.plan import REPLY_TOPIC
from flrouter.kafka.cluster.clients import connection, reader
from flrouter.messages.envelope import Form, decode, form_of
from flrouter.settings.model import Settings

#: s; between two looks at what is to be sent.
SEND_INTERVAL_S = 0.01
#: s; after which a switch is asked again whose answer was an error, or did not come at all.
RETRY_DELAY_S = 0.2
ANSWER_TIMEOUT_S = 10.0


class Requester:
    """One producer and one consumer without a group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._take: Callable[[bytes, float], None] = lambda _value, _now: None
        self._reading: asyncio.Task[None] | None = None
        self._producer: Any = None
        self._consumer: Any = None
        #: monotonic seconds: when the first command was answered that was no error.
        self.first_answer: float | None = None

    async def start(self) -> None:
        """Connect; the topics must be there."""
        self._producer = aiokafka.AIOKafkaProducer(
            **connection(self._settings), acks="all", enable_idempotence=False
        )
        self._consumer = reader(self._settings)
        topics = {*self._settings.message_catalog.requester_topics, REPLY_TOPIC}
        self._consumer.assign(
            [
                aiokafka.TopicPartition(topic, partition)
                for topic in topics
                for partition in range(self._settings.partitions)
            ]
        )
        await asyncio.gather(self._producer.start(), self._consumer.start())
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Disconnect."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        for client in (self._producer, self._consumer):
            if client is not None:
                await client.stop()

    def check(self) -> None:
        """Raises what ended the reading, if anything did."""
        if self._reading is not None and self._reading.done():
            self._reading.result()

    async def _read(self) -> None:
        while True:
            batches = await self._consumer.getmany(timeout_ms=200)
            now = time.monotonic()
            for records in batches.values():
                for record in records:
                    self._take(record.value, now)

    async def _send(self, command: Command) -> None:
        """Hand a command over; keyed by its switch like a requester's own would be."""
        topic = command.inbound or self._settings.inbound_topics[0]
        key = command.switch or command.correlation_id
        await self._producer.send(topic, command.value, key=key.encode())

    async def probe(self, commands: Draw, switches: Iterable[str]) -> None:
        """Ask every switch until each has answered."""
        #: the switches that have not, and when to ask each next.
        missing = dict.fromkeys(switches, 0.0)
        asked: dict[str, str] = {}

        def take(value: bytes, now: float) -> None:
            envelope = decode(value)
            switch = asked.get(envelope.correlation_id or "", "")
            if switch not in missing:
                return
            if form_of(envelope.clazz) is Form.ERROR:
                missing[switch] = now + RETRY_DELAY_S
            else:
                del missing[switch]
                self.first_answer = self.first_answer or now

        self._take = take
        while missing:
            now = time.monotonic()
            for switch in [name for name, when in missing.items() if when <= now]:
                command = commands.probe(switch)
                asked[command.correlation_id] = switch
                missing[switch] = now + ANSWER_TIMEOUT_S
                await self._send(command)
            await asyncio.sleep(SEND_INTERVAL_S)

    async def run(self, commands: Draw, ledger: Ledger, rate: float, seconds: float | None) -> None:
        """Send `rate` commands a second for so many seconds, or until cancelled."""
        self._take = ledger.take
        began = time.monotonic()
        total = None if seconds is None else round(rate * seconds)
        while total is None or ledger.sent < total:
            elapsed = time.monotonic() - began
            due = int(rate * elapsed) + 1
            for _ in range(ledger.sent, due if total is None else min(due, total)):
                await self.send(commands.at(elapsed), ledger)
            await asyncio.sleep(SEND_INTERVAL_S)

    async def send(self, command: Command, ledger: Ledger) -> None:
        """Send a command whose answer is kept account of."""
        self._take = ledger.take
        ledger.send(command, time.monotonic())
        await self._send(command)

    async def answered(self, ledger: Ledger, timeout: float) -> None:
        """Wait until every command has its answer, so many seconds at most."""
        until = time.monotonic() + timeout
        while ledger.unanswered and time.monotonic() < until:
            await asyncio.sleep(0.05)
