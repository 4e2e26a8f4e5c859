"""One connection of a switch: messages in and out, and the requests in flight."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

from flrouter.speaker.openflow.switches.flood import PacketIns
from flrouter.speaker.openflow.switches.parsing import parse
from flrouter.speaker.openflow.switches.wire import (
    DESC,
    HEADER_BYTES,
    BadFrame,
    Unreadable,
    encode,
    header,
    messages,
    of,
)

log = logging.getLogger(__name__)


#: s; time limit for a switch to carry out a command, or to list its rules and meters. It is below
#: the router's deadline of 30 s. A switch that is gone is noticed sooner, by its signs of life.
PATIENCE_S = 25.0


class Disconnected(ConnectionError):
    """The switch went away before it answered."""


class Silent(TimeoutError):
    """The switch did not answer in time."""


class Refused(Exception):
    """The switch answered a request by an error."""

    def __init__(self, error: Any) -> None:
        super().__init__(f"OpenFlow error type {error.type}, code {error.code}")
        #: os-ken's OFPErrorMsg.
        self.error = error


#: errors of a request without a usable answer.
UNANSWERED = (Disconnected, Refused, Silent, Unreadable)


class _Asked:
    """A request in flight. An answer must have its xid, and its type too: an xid can be guessed."""

    def __init__(self, request: Any) -> None:
        self.waiting: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        #: the type of the answer: the one after the request's.
        self.kind = request.cls_msg_type + 1
        multipart = request.cls_msg_type == of.OFPT_MULTIPART_REQUEST
        #: the bytes that follow the header in each part of the answer: the kind of multipart.
        self.start = request.type.to_bytes(2, "big") if multipart else b""
        self.parts: list[Any] = []

    def fail(self, error: Exception) -> None:
        """Raise `error` in the task that waits for the answer."""
        if not self.waiting.done():
            self.waiting.set_exception(error)

    def take(self, frame: bytes) -> None:
        """Note one part of the answer, which may be the last."""
        if self.waiting.done():
            return  # already complete or failed; the waiting task has not run yet
        try:
            self.parts.append(parse(frame))
        except Unreadable as error:
            self.fail(error)
            return
        more = self.start and self.parts[-1].flags & of.OFPMPF_REPLY_MORE
        if not more:
            self.waiting.set_result(self.parts)


class Connection(asyncio.Protocol):
    """Speaks OpenFlow 1.3 with the other end. Echo requests are answered here."""

    def __init__(
        self,
        made: Callable[[Connection], None],
        heard: Callable[[Connection, Any], None],
        timeout_s: float,
    ) -> None:
        """Args:
        made: takes each new connection.
        heard: takes each message that is no answer: port status, packet-in.
        timeout_s: how long a switch may take to answer a request that costs it nothing.
        """
        self._made = made
        self._heard = heard
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._xids = itertools.count(1)
        self._transport: asyncio.Transport
        #: xid → request in flight.
        self._asked: dict[int, _Asked] = {}
        #: xid → first error about a message that has no answer; None so far.
        self._refusals: dict[int, Any] = {}
        self._packet_ins = PacketIns()
        self.peer = "?"
        #: the loop's time when the switch last sent anything.
        self.heard_at = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: how many port status messages have come.
        self.port_news = 0
        #: done once the switch has sent a hello with a version that we speak.
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send a hello."""
        self._transport = cast("asyncio.Transport", transport)  # one of TCP can write
        host, port, *_ = transport.get_extra_info("peername") or ("?", 0)
        self.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.send(messages.OFPHello(DESC))
        self._made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all requests in flight."""
        for asked in self._asked.values():
            asked.fail(Disconnected(f"the connection from {self.peer} was lost"))
        self._asked.clear()
        self._refusals.clear()
        for waiter in (self.closed, self.greeted):
            if not waiter.done():
                waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take bytes: part of a message, or several messages at once."""
        self.heard_at = asyncio.get_running_loop().time()
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= HEADER_BYTES and not self._transport.is_closing():
                version, kind, length, xid = header(buffer, at)
                if len(buffer) - at < length:
                    break
                frame = bytes(buffer[at : at + length])
                at += length
                try:
                    self._frame(version, kind, xid, frame)
                except Unreadable as error:  # the next message may be readable
                    log.warning("from %s: %s", self.peer, error)
        except BadFrame as error:
            self.close(str(error))
            return
        del buffer[:at]

    # -- sending

    @property
    def congested(self) -> bool:
        """Whether the switch is slow to read what is sent to it."""
        return self._transport.get_write_buffer_size() > 256 << 10

    def send(self, message: Any, xid: int | None = None) -> int:
        """Send a message, under a new xid unless one is given; returns the xid."""
        xid = next(self._xids) & 0xFFFFFFFF if xid is None else xid
        if not self._transport.is_closing():
            self._transport.write(encode(message, xid))
        return xid

    async def ask(self, request: Any, timeout_s: float | None = None) -> list[Any]:
        """Send a request and return the parts of its answer; only multipart ones have several.

        Args:
            timeout_s: time limit for the answer; None: the limit of the connection.

        Raises:
            Refused: the answer is an error.
            Unreadable: the answer is malformed.
            Silent: there was no answer in time.
            Disconnected: the switch went away.
        """
        if self._transport.is_closing():
            raise Disconnected(f"the connection from {self.peer} is closed")
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        asked = _Asked(request)
        xid = self.send(request)
        self._asked[xid] = asked
        try:
            async with asyncio.timeout(timeout_s):
                return await asked.waiting
        except TimeoutError:
            raise Silent(f"no answer within {timeout_s:g} s") from None
        finally:
            self._asked.pop(xid, None)

    async def carry_out(self, mods: Sequence[Any]) -> dict[int, Any]:
        """Send messages that change the switch, and wait until it has acted on all of them.

        A barrier request follows the last message. The switch answers the barrier once all earlier
        messages are done, and by then it has reported every refusal.

        Returns:
            The errors, by the index in `mods`.

        Raises:
            UNANSWERED: it is not known whether the changes were made.
        """
        xids = [self.send(mod) for mod in mods]
        self._refusals |= dict.fromkeys(xids)
        try:
            await self.ask(messages.OFPBarrierRequest(DESC), PATIENCE_S)
        finally:
            errors = [self._refusals.pop(xid, None) for xid in xids]
        return {index: error for index, error in enumerate(errors) if error is not None}

    def close(self, reason: str) -> None:
        """Close the connection at once; unsent messages are lost."""
        if not self._transport.is_closing():
            log.warning("hung up on %s: %s", self.peer, reason)
            self._transport.abort()

    # -- receiving

    def _frame(self, version: int, kind: int, xid: int, frame: bytes) -> None:
        if kind == of.OFPT_HELLO:
            self._hello(version)
        elif version != of.OFP_VERSION and kind != of.OFPT_ERROR:
            raise BadFrame(f"a message of version {version:#x}, after both agreed on 0x4")
        elif kind == of.OFPT_ECHO_REQUEST:
            self.send(messages.OFPEchoReply(DESC, data=frame[HEADER_BYTES:]), xid)
        elif kind == of.OFPT_PACKET_IN:
            if self._packet_ins.wanted(frame, self.heard_at):
                self._heard(self, parse(frame))
        elif kind == of.OFPT_ERROR:
            self._error(xid, frame)
        elif kind == of.OFPT_PORT_STATUS:
            self.port_news += 1
            self._heard(self, parse(frame))
        else:
            asked = self._asked.get(xid)
            if (
                asked is not None
                and kind == asked.kind
                and frame.startswith(asked.start, HEADER_BYTES)
            ):
                asked.take(frame)

    def _hello(self, version: int) -> None:
        if version < of.OFP_VERSION:
            error = messages.OFPErrorMsg(
                DESC, of.OFPET_HELLO_FAILED, of.OFPHFC_INCOMPATIBLE, data=b"OpenFlow 1.3 only"
            )
            self.send(error)
            self._transport.close()
            log.warning("%s speaks OpenFlow up to version %#x, 0x4 is needed", self.peer, version)
        elif not self.greeted.done():
            self.greeted.set_result(None)

    def _error(self, xid: int, frame: bytes) -> None:
        try:
            error = parse(frame)
        except Unreadable as unreadable:  # it is not known what was refused
            raise BadFrame(str(unreadable)) from unreadable
        if xid in self._refusals:
            self._refusals[xid] = self._refusals[xid] or error
        elif xid in self._asked:
            self._asked[xid].fail(Refused(error))
        else:
            log.warning("%s reports error type %s, code %s", self.peer, error.type, error.code)
