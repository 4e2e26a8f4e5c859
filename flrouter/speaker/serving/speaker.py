"""The FL side: reads commands, acks them, has them handled, and answers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mode import Service

from flrouter.clock import now_ms
from flrouter.messages import names
from flrouter.messages.envelope import COMMANDS, Envelope, Unreadable, decode
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms import build
from flrouter.messages.kinds import places
from flrouter.messages.kinds.catalog import Done
from flrouter.messages.switch_id import canonical
from flrouter.speaker import answers, payloads, sync
from flrouter.speaker.answers import Answer, CommandFailed, Payload
from flrouter.speaker.command import Command
from flrouter.speaker.counts import Counts
from flrouter.speaker.kafka.connection import Connection
from flrouter.speaker.kafka.reader import Reader
from flrouter.speaker.kafka.writer import Writer
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.requests import Message, Request, RequestKey, Requests
from flrouter.speaker.serving.expiry import Expiry
from flrouter.speaker.serving.lanes import Lanes
from flrouter.speaker.sync import PortState, SwitchRecord

if TYPE_CHECKING:
    from flrouter.speaker.serving.spans import Spans

log = logging.getLogger(__name__)


class Handler(Protocol):
    """The interface that an FL implements."""

    def handle(self, command: Command) -> Answer | Awaitable[Answer]:
        """Carry out a command, and say what to answer.

        Commands for one switch are handled one after the other, those for different switches at
        the same time. Must not block: whatever takes time is awaited.

        Raises:
            CommandFailed: the command is answered by this error. Any other exception becomes an
                INTERNAL_ERROR.
        """

    def switches(self) -> Iterable[SwitchRecord] | Awaitable[Iterable[SwitchRecord]]:
        """All switches that are connected now, for a sync.

        May be awaited, for those who have to ask their switches first.
        """


class Speaker(Service):  # type: ignore[misc]  # mode's types do not hold under --strict
    """One FL. Start it (`async with speaker:` or mode's ways) when its handler is ready."""

    def __init__(self, options: SpeakerOptions, handler: Handler, **kwargs: Any) -> None:
        self.options = options
        self.handler = handler
        self.counts = Counts()
        self._region = options.region or options.id
        self._connection = Connection(options)
        self._expiry = Expiry(options.expire_after_ms)
        self._requests = Requests(
            options.remember_count, options.remember_s, options.remember_bytes
        )
        self._lanes: Lanes[tuple[Command, Request]] = Lanes(self._act)
        self._held: deque[Command] = deque(maxlen=options.hold)
        self._event_ids = itertools.count()
        self._event_prefix = f"{options.id}-{os.urandom(4).hex()}"
        self._aborted = False
        self._ready = False
        self._spans: Spans | None = None
        if options.traces_url:  # needs OpenTelemetry, which is an extra
            from flrouter.speaker.serving.spans import Spans

            self._spans = Spans(options)
        super().__init__(**kwargs)

    # -- reports that nobody requested

    def event(self, payload: Payload, switch: str | None = None) -> asyncio.Future[bool]:
        """Report something, in order with other events of the same switch.

        Held while Kafka cannot be reached.

        Args:
            payload: with its `clazz`.
            switch: the id of the event's switch, in any form; None: it is found in `payload`.

        Returns:
            True once Kafka has acknowledged the event; False if it was given up.

        Raises:
            BadSwitchId: `switch` is no switch id.
        """
        correlation_id = f"{self._event_prefix}-{next(self._event_ids)}"
        data = answers.info(payload, correlation_id, self._region, now_ms())
        where = canonical(switch) if switch is not None else places.switch_of(decode(data), data)
        delivered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(arrived: bool) -> None:
            if not delivered.done():
                delivered.set_result(arrived)

        self.counts.events += 1
        self.writer.send((where or correlation_id).encode(), data, event=True, told=tell)
        return delivered

    def switch_event(self, switch: str, state: str, /, **more: Any) -> asyncio.Future[bool]:
        """Report a switch: ACTIVATED (RW), ADDED (RO), DEACTIVATED, REMOVED or CHANGED.

        `more` are further fields of the payload; a `SwitchRecord` has the form of the profile.
        """
        for name, value in more.items():
            if isinstance(value, SwitchRecord):
                more[name] = value.shown(self.options.speaks.classes)
        return self.event(payloads.switch_event(switch, state, now_ms(), **more), switch)

    def port_event(
        self, switch: str, number: int, state: PortState | Literal["DELETE"]
    ) -> asyncio.Future[bool]:
        """Report that a port's link came up or went down, or that the port is gone."""
        return self.event(payloads.port_event(switch, number, state, now_ms()), switch)

    def isl_event(
        self,
        source: tuple[str, int],
        destination: tuple[str, int],
        latency_ns: int = 0,
        state: str = "DISCOVERED",
    ) -> asyncio.Future[bool]:
        """Report a link between two (switch, port): `destination` received the discovery packet."""
        payload = payloads.isl_event(source, destination, latency_ns, state, now_ms())
        return self.event(payload, destination[0])

    # -- life

    async def on_start(self) -> None:
        """Wait for the broker, make missing topics, and begin to read.

        Raises:
            BadTopics: the topics cannot be used.
        """
        partitions = await self._connection.prepare()
        self.writer = Writer(
            self.options, self._connection, partitions, self.counts, loop=self.loop
        )
        self.reader = Reader(
            self._connection,
            self.options.reads,
            partitions,
            self.receive,
            lambda: self.writer.at_most(self.options.hold),
            loop=self.loop,
        )
        await self.add_runtime_dependency(self.writer)
        await self.add_runtime_dependency(self.reader)
        self._ready = True

    async def on_stop(self) -> None:
        """Read no more, finish what is being handled, and write what is queued."""
        if not self._ready:
            return
        await self.reader.stop()
        if self._aborted:
            self._lanes.cancel()
            self.writer.discard()
            return
        await self._lanes.join(self.options.stop_timeout_s)
        if self._spans is not None:
            await self._spans.stop()
        try:
            async with asyncio.timeout(self.options.stop_timeout_s):
                await self.writer.at_most(0)
        except TimeoutError:
            log.warning("stopped with records that Kafka has not confirmed")

    async def abort(self) -> None:
        """Stop as a crash would: nothing is finished, flushed or committed."""
        self._aborted = True
        self.reader.cut()
        await self.stop()

    # -- receiving

    def receive(self, records: list[Any]) -> None:
        """Take a batch of records."""
        now_s = time.monotonic()
        self.counts.read += len(records)
        commands, alive = self._sorted(records, now_s)
        for envelope, record in alive:
            if not self._expiry.expired(record.timestamp):
                self.counts.alive_requests += 1
                self.report_alive(envelope, record.partition)
        if not commands and not self._held:
            return
        if not self.reader.catching_up and not self._held and self._expiry.stale(now_s):
            self.reader.catch_up()
        if self.reader.catching_up:
            self._held.extend(commands)
            return
        if self._held:
            self._expiry.confirm(now_s)
            commands = [*self._held, *commands]
            self._held.clear()
        for command in commands:
            if self._expiry.expired(command.timestamp):
                self.counts.expired += 1
            else:
                self.take(command, now_s)

    def _sorted(
        self, records: list[Any], now_s: float
    ) -> tuple[list[Command], list[tuple[Envelope, Any]]]:
        """The commands and the alive requests among these records."""
        commands: list[Command] = []
        alive: list[tuple[Envelope, Any]] = []
        for record in records:
            try:
                value = record.value or b""
                envelope = decode(value)
                if envelope.kind == names.ALIVE_REQUEST:
                    self._expiry.tick(record.timestamp, now_s)
                    alive.append((envelope, record))
                elif envelope.form in COMMANDS:
                    number, sent, headers = record.partition, record.timestamp, record.headers
                    speaks = self.options.speaks
                    commands.append(Command(envelope, value, number, sent, headers, speaks))
                else:
                    raise Unreadable(f"{envelope.clazz} is no command")
            except Unreadable as error:
                self.counts.unreadable += 1
                place = f"{record.topic}[{record.partition}]@{record.offset}"
                log.warning("unreadable record at %s: %s", place, error)
        return commands, alive

    def take(self, command: Command, now_s: float) -> None:
        """Acknowledge a command, and have it handled unless it is a duplicate.

        `now_s` is the monotonic clock's.
        """
        self.acknowledge(command)
        key = RequestKey(command.correlation_id, command.switch, command.kind)
        seen = self._requests.find(key, now_s)
        if seen is None:
            self._lanes.put(command.switch, (command, self._requests.begin(key)))
            return
        self.counts.repeated += 1
        if seen.answer is None:
            seen.again.append(command.partition)
        else:
            self.reply(command, command.partition, seen.answer)

    # -- answering

    def report_alive(self, request: Envelope, partition: int) -> None:
        """Answer an AliveRequest, with the writes that failed since (protocol.md, 7.1)."""
        data = build.alive_response(
            request.correlation_id or "", self._region, self.writer.failures, now_ms()
        )
        self.writer.send(self._region.encode(), data, partition, told=self.writer.reporter())

    def acknowledge(self, command: Command) -> None:
        """Acknowledge the command, if the router expects acks (protocol.md, 4.3)."""
        if not self.options.speaks.acknowledges:
            return
        self.counts.acks += 1
        data = build.ack(command.correlation_id, now_ms())
        self.writer.send(command.key, data, command.partition)

    def reply(self, command: Command, partition: int, messages: list[Message]) -> None:
        """Send an answer, to the partition where its request was read."""
        self.counts.answers += len(messages)
        for key, value in messages:
            self.writer.send(key, value, partition, traceparent=command.traceparent)

    def _act(self, received: tuple[Command, Request]) -> Awaitable[None] | None:
        command, request = received
        self.counts.handled += 1
        if self._spans is not None:
            self._spans.begin(command, request)
        try:
            if command.kind == names.SYNC_REQUEST:
                self.counts.syncs += 1
                switches = self.handler.switches()
                # The snapshot is taken here without a pause, so nothing changes meanwhile.
                snapshot = switches if isinstance(switches, Awaitable) else tuple(switches)
                return self._later(command, request, self._listed(command, snapshot))
            answer = self.handler.handle(command)
            if not isinstance(answer, Answer):
                return self._later(command, request, self._answered(command, answer))
            messages = answers.messages(command, answer, self._region, now_ms())
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
            messages = self._failure(command, request, error)
        self._finish(command, request, messages)
        return None

    async def _later(
        self, command: Command, request: Request, work: Awaitable[list[Message]]
    ) -> None:
        try:
            messages = await work
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
            messages = self._failure(command, request, error)
        self._finish(command, request, messages)

    async def _answered(self, command: Command, answer: Awaitable[Answer]) -> list[Message]:
        return answers.messages(command, await answer, self._region, now_ms())

    async def _listed(
        self,
        command: Command,
        switches: tuple[SwitchRecord, ...] | Awaitable[Iterable[SwitchRecord]],
    ) -> list[Message]:
        snapshot = tuple(await switches if isinstance(switches, Awaitable) else switches)
        return await sync.listing(command, snapshot, self._region, now_ms())

    def _failure(self, command: Command, request: Request, error: Exception) -> list[Message]:
        if not isinstance(error, CommandFailed):
            log.error("handling %r failed", command, exc_info=error)
            error = CommandFailed(
                ErrorType.INTERNAL_ERROR,
                f"floodlight {self.options.id} failed to handle {command.kind}: {error!r:.1000}",
                "see its log",
            )
        self.counts.errors += 1
        request.error = error.kind
        return [answers.error(command, error, now_ms())]

    def _finish(self, command: Command, request: Request, messages: list[Message]) -> None:
        limit = self.options.max_message_bytes
        if any(len(message.value) > limit for message in messages):
            too_large = CommandFailed(
                ErrorType.INTERNAL_ERROR,
                f"the answer has a message of more than {limit} bytes",
                "ask for less at a time, or let this floodlight send larger messages",
            )
            messages = self._failure(command, request, too_large)
        if command.entry.done is Done.NONE:
            messages = []  # nobody waits for an answer, nor could tell it from an event
        if self._spans is not None:
            self._spans.end(command, request)
        self.reply(command, command.partition, messages)
        for partition in request.again:
            self.reply(command, partition, messages)
        self._requests.finish(request, messages, time.monotonic())
