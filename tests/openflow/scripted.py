"""A switch that says what a test has it say, over a real connection, and an FL's side of that."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from flrouter.speaker.openflow import OpenFlowFloodlight, OpenFlowOptions, Role
from flrouter.speaker.openflow.switches.connection import Connection
from flrouter.speaker.openflow.switches.wire import HEADER_BYTES, header, of
from flrouter.speaker.options import SpeakerOptions
from tests.support.patience import HOPE

#: how a request of some kind is answered: its xid and body → frames.
Reply = Callable[[int, bytes], Iterable[bytes]]


def frame(kind: int, xid: int, body: bytes = b"") -> bytes:
    """A message."""
    return struct.pack("!BBHI", of.OFP_VERSION, kind, HEADER_BYTES + len(body), xid) + body


def multipart(xid: int, what: int, entries: bytes = b"", flags: int = 0) -> bytes:
    """A part of an answer in parts."""
    return frame(of.OFPT_MULTIPART_REPLY, xid, struct.pack("!HH4x", what, flags) + entries)


def rule(*instructions: bytes, length: int | None = None, cookie: int = 1) -> bytes:
    """A rule that matches everything, as a dump has it; with a length of the test's choice."""
    body = struct.pack("!HH4x", of.OFPMT_OXM, 4) + b"".join(instructions)
    length = of.OFP_FLOW_STATS_0_SIZE + len(body) if length is None else length
    head = (length, 0, 0, 0, 7, 0, 0, 0, cookie, 0, 0)
    return struct.pack(of.OFP_FLOW_STATS_0_PACK_STR, *head) + body


def port(number: int, state: int = 0) -> bytes:
    """A port."""
    named = (number, b"\2\0\0\0\0\1", f"p{number}".encode())
    return struct.pack(of.OFP_PORT_PACK_STR, *named, 0, state, 0, 0, 0, 0, 0, 0)


def port_status(xid: int, number: int, reason: int = of.OFPPR_MODIFY, state: int = 0) -> bytes:
    """What a switch says unasked when a port changes."""
    return frame(of.OFPT_PORT_STATUS, xid, struct.pack("!B7x", reason) + port(number, state))


def packet_in(number: int, packet: bytes) -> bytes:
    """A packet that came to this port."""
    match = struct.pack("!HHIIxxxx", of.OFPMT_OXM, 12, 0x80000004, number)
    head = struct.pack(
        of.OFP_PACKET_IN_PACK_STR, of.OFP_NO_BUFFER, len(packet), of.OFPR_ACTION, 0, 0
    )
    return frame(of.OFPT_PACKET_IN, 0, head + match + bytes(2) + packet)


class ScriptedSwitch:
    """A switch with ports 1 and 2 that does all it is told, unless a test changes its replies."""

    def __init__(self, dpid: int = 1) -> None:
        self.role = of.OFPCR_ROLE_EQUAL
        self.generation = (1 << 64) - 1
        #: kind of request → its reply.
        self.replies: dict[int, Reply] = {
            of.OFPT_FEATURES_REQUEST: lambda xid, _: [
                frame(of.OFPT_FEATURES_REPLY, xid, struct.pack("!QIBB2xII", dpid, 0, 1, 0, 0, 0))
            ],
            of.OFPT_ROLE_REQUEST: self._take_role,
            of.OFPT_BARRIER_REQUEST: lambda xid, _: [frame(of.OFPT_BARRIER_REPLY, xid)],
            of.OFPT_MULTIPART_REQUEST: lambda xid, body: [
                multipart(xid, what := int.from_bytes(body[:2], "big"), self.entries.get(what, b""))
            ],
        }
        #: what is asked for in parts → the entries that there are.
        self.entries = {of.OFPMP_PORT_DESC: port(1) + port(2)}
        #: what it was sent: kind, xid, body.
        self.told: list[tuple[int, int, bytes]] = []
        self._news = asyncio.Condition()
        self._ended = False
        self._writer: asyncio.StreamWriter

    @contextlib.asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[ScriptedSwitch]:
        """Connected to this port of this machine, until it is left or hung up on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self.say(frame(of.OFPT_HELLO, 0))
        reading = asyncio.create_task(self._read(reader))
        try:
            yield self
        finally:
            reading.cancel()
            self._writer.transport.abort()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    def say(self, *frames: bytes) -> None:
        """Say something."""
        self._writer.write(b"".join(frames))

    def asked(self, kind: int) -> list[tuple[int, bytes]]:
        """The xids and bodies of what it was sent of this kind."""
        return [(xid, body) for each, xid, body in self.told if each == kind]

    async def until(self, what: Callable[[], Any]) -> Any:
        """What `what()` is, as soon as it is true after something that came, or the end."""
        async with asyncio.timeout(30 * HOPE), self._news:
            while not (found := what()):
                await self._news.wait()
            return found

    async def hung_up(self) -> None:
        """Wait until the other side has hung up."""
        await self.until(lambda: self._ended)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(HEADER_BYTES)
                _, kind, length, xid = header(head)
                body = await reader.readexactly(length - HEADER_BYTES)
                self.say(*self.replies.get(kind, lambda *_: [])(xid, body))
                async with self._news:
                    self.told.append((kind, xid, body))
                    self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()

    def _take_role(self, xid: int, body: bytes) -> list[bytes]:
        role, generation = struct.unpack("!I4xQ", body)
        if role in (of.OFPCR_ROLE_MASTER, of.OFPCR_ROLE_SLAVE):
            known = self.generation != (1 << 64) - 1
            if known and (generation - self.generation) % (1 << 64) >= 1 << 63:
                stale = struct.pack("!HH", of.OFPET_ROLE_REQUEST_FAILED, of.OFPRRFC_STALE)
                return [frame(of.OFPT_ERROR, xid, stale)]
            self.generation = generation
        if role != of.OFPCR_ROLE_NOCHANGE:
            self.role = role
        return [frame(of.OFPT_ROLE_REPLY, xid, struct.pack("!I4xQ", self.role, self.generation))]


@contextlib.asynccontextmanager
async def talking(
    switch: ScriptedSwitch, timeout_s: float = 30.0
) -> AsyncIterator[tuple[Connection, list[Any]]]:
    """An FL's end of a connection with this switch, and what was said unasked there."""
    heard: list[Any] = []
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Connection] = loop.create_future()
    server = await loop.create_server(
        lambda: Connection(made.set_result, lambda _, message: heard.append(message), timeout_s),
        "127.0.0.1",
    )
    async with server, switch.connected(server.sockets[0].getsockname()[1]):
        connection = await made
        await connection.greeted
        yield connection, heard
        connection.close("the test is over")


class Written:
    """Takes what an FL writes to Kafka."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []

    def send(self, key: bytes, value: bytes, *_: Any, **__: Any) -> None:
        """Note a record."""
        self.payloads.append(json.loads(value)["payload"])

    def states(self) -> list[str]:
        """What was said of switches so far."""
        return [each["state"] for each in self.payloads if each["clazz"].endswith("SwitchInfoData")]


@contextlib.asynccontextmanager
async def floodlight(
    role: Role = Role.EQUAL, echo_s: float = 30.0, profile: str = "plain"
) -> AsyncIterator[tuple[OpenFlowFloodlight, Written]]:
    """An FL that switches can connect to, without Kafka."""
    speaker = SpeakerOptions(id="fl-1", profile=profile)
    options = OpenFlowOptions(speaker=speaker, port=0, host="127.0.0.1", role=role, echo_s=echo_s)
    one = OpenFlowFloodlight(options)
    written = one.writer = Written()  # type: ignore[assignment]
    server = await one.listen()
    async with server:
        try:
            yield one, written
        finally:
            for switch in list(one.connected.values()):
                switch.connection.close("the test is over")
