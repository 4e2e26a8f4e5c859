"""The requester: so many commands on their way at a time, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import aiokafka
import msgspec
from aiokafka.errors import KafkaError

from flrouter.kafka.patches import repair
from tests.chaos.stage import PARTITIONS, SWITCHES
from tests.chaos.wires import DUMP, INSTALL, PLAIN, Wires

#: every so manieth command asks for more than one message can hold.
DUMP_EVERY = 50


def command(number: int, switches: Sequence[str] = SWITCHES) -> tuple[int, str, bytes]:
    """(source partition, kind, record) of command `number`."""
    switch = switches[number // PARTITIONS % len(switches)]
    payload: dict[str, Any] = {"clazz": INSTALL, "switch_id": switch, "serial": number}
    payload |= {
        "flowid": f"flow-{number}",
        "cookie": number,
        "input_port": 1,
        "output_port": 2,
        "transit_vlan_id": 100,
    }
    if number % DUMP_EVERY == 0:
        payload = {"clazz": DUMP, "switch_id": switch, "serial": number}
    message = {
        "clazz": "org.openkilda.messaging.command.CommandMessage",
        "destination": "CONTROLLER",
        "timestamp": int(time.time() * 1000),
        "correlation_id": name_of(number),
        "payload": payload,
    }
    return number % PARTITIONS, payload["clazz"], msgspec.json.encode(message)


def name_of(number: int) -> str:
    """The correlation id of command `number`."""
    return f"chaos-{number}"


class Traffic:
    """Sends commands: at most `in_flight` unanswered at a time, and none beyond `limit`."""

    def __init__(  # noqa: PLR0913 - most have a default
        self,
        bootstrap: str,
        isolation: str,
        commands: int,
        in_flight: int,
        wires: Wires = PLAIN,
        *,
        rate: float = 0.0,
        switches: Sequence[str] = SWITCHES,
        first: int = 0,
    ) -> None:
        """Args:
        rate: commands a second; 0: as fast as they are answered.
        switches: the commands go to these in turn.
        first: the first command's number.
        """
        self.sent = 0
        self.limit = 0
        self.answered: set[str] = set()
        self._bootstrap = bootstrap
        self._isolation = isolation
        self._commands = commands
        self._in_flight = in_flight
        self._wires = wires
        self._rate = rate
        self._switches = switches
        self._first = first
        self._changed = asyncio.Event()

    @property
    def names(self) -> set[str]:
        """The correlation ids of all its commands."""
        return {name_of(self._first + number) for number in range(self._commands)}

    async def run(self) -> None:
        """Return when all are sent; cancel `read` some time later."""
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            request_timeout_ms=300_000,  # a whole cluster may be away for long
        )
        await producer.start()
        began = time.monotonic()
        try:
            writing: set[asyncio.Future[Any]] = set()
            for number in range(self._commands):
                while number >= self.limit or number - len(self.answered) >= self._in_flight:
                    self._changed.clear()
                    await self._changed.wait()
                if self._rate:
                    await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                partition, kind, value = command(self._first + number, self._switches)
                topic = self._wires.inbound[kind]
                future = await producer.send(topic, value, partition=partition)
                writing.add(future)
                future.add_done_callback(writing.discard)
                self.sent = number + 1
            await producer.flush()
        finally:
            await producer.stop()

    async def read(self) -> None:
        """Note which commands are answered; forever."""
        repair(embedded=False)
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=self._isolation,
            fetch_max_wait_ms=50,
            metadata_max_age_ms=5_000,
        )
        await consumer.start()
        try:
            consumer.assign(
                [
                    aiokafka.TopicPartition(topic, n)
                    for topic in self._wires.answers
                    for n in range(PARTITIONS)
                ]
            )
            while True:
                try:
                    found = await consumer.getmany(timeout_ms=200)
                except KafkaError:
                    await asyncio.sleep(0.2)
                    continue
                for records in found.values():
                    for record in records:
                        name = msgspec.json.decode(record.value).get("correlation_id")
                        self.answered.add(str(name))
                self._changed.set()
        finally:
            await consumer.stop()
