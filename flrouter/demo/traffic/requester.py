"""The requester: sends commands at a steady rate, and reads every topic for answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import Producer

from flrouter import cli
from flrouter.demo.traffic.commands import DemoCommand, Draw
from flrouter.demo.traffic.ledger import Ledger
from flrouter.demo.traffic.plan import REPLY_TOPIC
from flrouter.kafka.librdkafka import writing
from flrouter.kafka.reader import Batch, Reader
from flrouter.messages.envelope import Form, decode, form_of
from flrouter.ports import Partition, Start
from flrouter.settings.model import Settings

#: s; pause between two batches of commands.
SEND_INTERVAL_S = 0.01
#: s; delay before a retry of a probe that was answered by an error, or not at all.
RETRY_DELAY_S = 0.2
ANSWER_TIMEOUT_S = 10.0


class Requester:
    """One producer, and one reader of every topic for answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._take: Callable[[bytes, float], None] = lambda _value, _now: None
        self._producer = Producer(writing(settings))
        self._reader = Reader(settings, self._received, lambda *_: None)
        #: s from the start of this process to the first answer without an error.
        self.first_answer: float | None = None

    def start(self) -> None:
        """Connect; the topics must exist."""
        topics = {*self._settings.message_catalog.requester_topics, REPLY_TOPIC}
        self._reader.start()
        self._reader.read(
            {
                Partition(topic, number): Start(0, 0)
                for topic in topics
                for number in range(self._settings.partitions)
            }
        )

    async def stop(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    def _received(self, batches: Sequence[Batch]) -> None:
        now = time.monotonic()
        for batch in batches:
            for record in batch.records:
                self._take(record.value or b"", now)
            self._reader.taken(batch.at, len(batch.records))

    def _send(self, command: DemoCommand) -> None:
        """Queue a command, keyed by its switch as a real requester would do."""
        topic = command.inbound or self._settings.inbound_topics[0]
        key = command.switch or command.correlation_id
        self._producer.produce(topic, command.value, key)
        self._producer.poll(0)

    async def probe(self, commands: Draw, switches: Iterable[str]) -> None:
        """Ask every switch until each has answered."""
        #: switch without an answer → when to ask it next.
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
                self.first_answer = self.first_answer or now - cli.STARTED

        self._take = take
        while missing:
            now = time.monotonic()
            for switch in [name for name, when in missing.items() if when <= now]:
                command = commands.probe(switch)
                asked[command.correlation_id] = switch
                missing[switch] = now + ANSWER_TIMEOUT_S
                self._send(command)
            await asyncio.sleep(SEND_INTERVAL_S)

    async def run(self, commands: Draw, ledger: Ledger, rate: float, seconds: float | None) -> None:
        """Send `rate` commands a second for `seconds`, or until cancelled."""
        self._take = ledger.take
        began = time.monotonic()
        total = None if seconds is None else round(rate * seconds)
        while total is None or ledger.sent < total:
            elapsed = time.monotonic() - began
            due = int(rate * elapsed) + 1
            for _ in range(ledger.sent, due if total is None else min(due, total)):
                self.send(commands.at(elapsed), ledger)
            await asyncio.sleep(SEND_INTERVAL_S)

    def send(self, command: DemoCommand, ledger: Ledger) -> None:
        """Send a command, and note it in the ledger."""
        self._take = ledger.take
        ledger.send(command, time.monotonic())
        self._send(command)

    async def answered(self, ledger: Ledger, timeout: float) -> None:
        """Wait until every command has its answer, at most `timeout` seconds."""
        until = time.monotonic() + timeout
        while ledger.unanswered and time.monotonic() < until:
            await asyncio.sleep(0.05)
