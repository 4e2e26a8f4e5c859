"""What stands around an FL in these tests: a router at the other end of its topics."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from flrouter.messages.forms import build
from flrouter.speaker import DONE, Answer, Command, Speaker, SpeakerOptions, SwitchRecord
from flrouter.speaker.simulated import SimulatedFloodlight
from tests.openkilda.schemas import unreadable
from tests.support.patience import HOPE

T = TypeVar("T")

PARTITIONS = 4
TIMEOUT = 20 * HOPE
SAMPLES = Path(__file__).parent / "samples"


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run an asynchronous test."""

    async def bounded() -> T:
        async with asyncio.timeout(3 * TIMEOUT):
            return await test

    return asyncio.run(bounded())


async def when(what: Callable[[], bool]) -> None:
    """Return as soon as `what()` holds, for what has no event to wait for."""
    while not what():
        await asyncio.sleep(0.005)


def switch(number: int) -> str:
    """The canonical id of a switch."""
    digits = f"{number:016x}"
    return ":".join(digits[at : at + 2] for at in range(0, 16, 2))


def options(url: str, **more: Any) -> SpeakerOptions:
    """The settings of an FL that no other test uses."""
    return SpeakerOptions(
        **{"id": f"fl-{uuid.uuid4().hex[:8]}", "broker": url, "partitions": PARTITIONS, **more}
    )


def now_ms() -> int:
    """The wall clock, as Kafka records carry it."""
    return int(time.time() * 1000)


def command(cid: str, where: str | None, kind: str = "InstallTransitFlow", **more: Any) -> bytes:
    """A flow command with an envelope's timestamp as requesters write it: useless."""
    payload = {"clazz": f"org.openkilda.messaging.command.flow.{kind}", **more}
    if where is not None:
        payload["switch_id"] = where
    return json.dumps(
        {
            "clazz": "org.openkilda.messaging.command.CommandMessage",
            "timestamp": 42,
            "correlation_id": cid,
            "payload": payload,
        },
        indent=1,  # so that a message encoded anew is told from the original
    ).encode()


@dataclass(frozen=True)
class Seen:
    """A record that the FL wrote."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    message: dict[str, Any]
    headers: dict[str, bytes]

    @property
    def kind(self) -> str:
        """The last part of the payload's class."""
        return str((self.payload or {}).get("clazz", "")).rpartition(".")[2]

    @property
    def payload(self) -> Any:
        """The payload."""
        return self.message.get("payload")

    @property
    def cid(self) -> Any:
        """The correlation id."""
        return self.message.get("correlation_id")


class Router:
    """Writes to an FL's read topics, and reads all that it writes."""

    def __init__(self, of: SpeakerOptions) -> None:
        self._options = of
        self._servers = of.broker.partition("://")[2]
        self._ids = (f"{uuid.uuid4().hex[:6]}-{number}" for number in itertools.count())
        self._changed = asyncio.Condition()
        self.seen: list[Seen] = []

    async def __aenter__(self) -> Router:
        self._producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all")
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, auto_offset_reset="earliest", fetch_max_wait_ms=10
        )
        self._consumer.assign(
            [TopicPartition(self._options.writes, number) for number in range(PARTITIONS)]
        )
        await self._consumer.start()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._consumer.stop()
        await self._producer.stop()

    async def send(
        self, data: bytes, partition: int = 0, at: int | None = None, topic: str = ""
    ) -> None:
        """Write a record, stamped `at` (ms since the epoch; now when None)."""
        await self._producer.send_and_wait(
            topic or self._options.reads[0], data, partition=partition, timestamp_ms=at
        )

    async def command(
        self,
        where: str | None,
        kind: str = "InstallTransitFlow",
        partition: int = 0,
        cid: str | None = None,
        at: int | None = None,
        **more: Any,
    ) -> str:
        """Send a command; its correlation id."""
        cid = cid or f"cid-{next(self._ids)}"
        await self.send(command(cid, where, kind, **more), partition, at)
        return cid

    async def sync(self, partition: int = 0) -> str:
        """Send a SyncRequest; its correlation id."""
        cid = f"sync-{next(self._ids)}"
        await self.send(build.sync_request(cid, now_ms()), partition)
        return cid

    async def alive(self, partition: int = 0) -> Seen:
        """Ask whether the FL is alive; its answer."""
        cid = f"alive-{next(self._ids)}"
        await self.send(build.alive_request(cid, now_ms()), partition)
        [answer] = await self.wait(lambda: self.about(cid), "an AliveResponse")
        return answer

    async def failed_messages(self) -> int:
        """How many failed writes the FL reports now."""
        return int((await self.alive()).payload["failed_messages"])

    async def answered(self, cid: str, times: int = 1) -> list[Seen]:
        """All that came for `cid` when it was answered so many times: acks and answers in order."""
        await self.wait(lambda: len(self.answers(cid)) >= times, f"{times} answers to {cid}")
        return self.about(cid)

    async def chain(self, cid: str, total: int) -> list[Seen]:
        """The links under `cid`, once there are so many."""
        return await self.wait(
            lambda: self.answers(cid) if len(self.answers(cid)) >= total else [],
            f"{total} links of {cid}",
        )

    async def first(self, partition: int) -> Seen:
        """The first ack in a partition."""

        def acks() -> list[Seen]:
            found = [each for each in self.seen if each.partition == partition]
            return [each for each in found if each.kind == "FlReceiveAck"]

        return (await self.wait(acks, "an ack"))[0]

    async def fence(self, partition: int = 0) -> None:
        """Return when all that was sent to a partition before has been taken by the FL.

        Only for handlers that answer at once.
        """
        await self.answered(await self.command(switch(1), partition=partition))

    def about(self, cid: str) -> list[Seen]:
        """What came under `cid` so far."""
        return [record for record in self.seen if record.cid == cid]

    def acks(self, cid: str) -> list[Seen]:
        """The acks for `cid` so far."""
        return [record for record in self.about(cid) if record.kind == "FlReceiveAck"]

    def answers(self, cid: str) -> list[Seen]:
        """All else that came for `cid` so far."""
        return [record for record in self.about(cid) if record.kind != "FlReceiveAck"]

    def events(self, kind: str = "SwitchInfoData") -> list[Seen]:
        """The events of a kind so far."""
        return [record for record in self.seen if record.kind == kind]

    async def wait(self, what: Callable[[], T], doing: str) -> T:
        """Wait until `what()` holds, and return it; it is asked again after each batch read."""
        try:
            async with asyncio.timeout(TIMEOUT), self._changed:
                while True:
                    found = what()
                    if found:
                        return found
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"still waiting for {doing}, after {self.seen[-5:]}") from None

    async def _read(self) -> None:
        while True:
            found = await self._consumer.getmany(timeout_ms=1000)
            async with self._changed:
                for records in found.values():
                    self.seen += [
                        Seen(
                            each.partition,
                            each.offset,
                            each.key,
                            each.value,
                            json.loads(each.value),
                            dict(each.headers),
                        )
                        for each in records
                    ]
                self._changed.notify_all()


class Recorder:
    """A handler that notes what it acts on, answers as told, and waits when told to."""

    def __init__(self, answer: Answer = DONE) -> None:
        self.answer = answer
        self.acted: list[Command] = []
        self.begun = asyncio.Condition()
        #: while it is not set, commands of these switches are not answered.
        self.gates: dict[str | None, asyncio.Event] = {}
        self.raising: Exception | None = None

    def handle(self, command: Command) -> Answer | Awaitable[Answer]:
        """Act at once, or when the switch's gate opens."""
        self.acted.append(command)
        if self.raising is not None:
            raise self.raising
        gate = self.gates.get(command.switch)
        return self.answer if gate is None else self._later(gate)

    def switches(self) -> Iterable[SwitchRecord]:
        """None."""
        return ()

    async def _later(self, gate: asyncio.Event) -> Answer:
        async with self.begun:
            self.begun.notify_all()
        await gate.wait()
        return self.answer

    async def acting(self, count: int) -> None:
        """Wait until so many commands were begun."""
        async with self.begun:
            await self.begun.wait_for(lambda: len(self.acted) >= count)


@contextlib.asynccontextmanager
async def around(speaker: Speaker) -> AsyncIterator[Router]:
    """A running FL, and the router at the other end; both are stopped after."""
    async with speaker, Router(speaker.options) as router:
        yield router
    if isinstance(speaker, SimulatedFloodlight):  # other handlers answer as the tests have it
        version = "HEAD" if speaker.options.speaks.classes == "2025" else "2019"
        assert unreadable(version, (record.message for record in router.seen)) == []
