"""OpenFlow: what whoever connects to an FL sends, while everything is asked that an FL asks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import msgspec

from flrouter import profiles
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.speaker import answers, dumps, payloads
from flrouter.speaker.command import Command
from flrouter.speaker.openflow.discovery import Discovery
from flrouter.speaker.openflow.flows import meters, rules
from flrouter.speaker.openflow.switches import ports
from flrouter.speaker.openflow.switches.connection import UNANSWERED, Connection
from flrouter.speaker.openflow.switches.ports import OpenFlowPort
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from flrouter.speaker.sync import PortState

#: what is asked, in this order: the first request has xid 2, for the greeting has 1.
FEATURES, PORTS, RULES, METERS, COUNTERS, ROLE, MOD, BARRIER = range(2, 10)
#: bytes of a piece, when the input comes in pieces.
_PIECE = 7
SWITCH = "00:00:00:00:00:00:00:01"


def _dump(profile: str, kind: str) -> Command:
    payload = {"clazz": f"org.openkilda.messaging.command.switches.{kind}", "switch_id": SWITCH}
    data = build.message(names.COMMAND, payload, "id", 0)
    return Command(decode(data), data, 0, 0, profile=profiles.load(profile))


#: who asks for a dump, one for each form that there is.
_ASKED = (
    _dump("plain", "DumpRulesRequest"),
    _dump("openkilda", "DumpRulesRequest"),
    _dump("openkilda", "DumpRulesForSwitchManagerRequest"),
)


class _Transport(asyncio.Transport):
    """Takes what is sent, and knows when it was hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        """Take it."""

    def is_closing(self) -> bool:
        """Whether it was hung up."""
        return self.closed

    def close(self) -> None:
        """Hang up."""
        self.closed = True

    abort = close


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def openflow(data: bytes) -> None:
    """However it comes in pieces, it means the same; every request has an answer of its own kind,
    one of the documented errors, or none yet; and what was read can be reported.
    """
    whole = _loop().run_until_complete(_received([data]))
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
    assert whole == _loop().run_until_complete(_received(pieces))


async def _received(pieces: list[bytes]) -> tuple[object, ...]:
    """What came of it: whether it was hung up, what was said unasked, and each request's end."""
    heard: list[Any] = []
    connection = Connection(lambda _: None, lambda _, message: heard.append(message), 60)
    transport = _Transport()
    connection.connection_made(transport)
    asking = [asyncio.create_task(each) for each in _questions(connection)]
    await asyncio.sleep(0)
    for piece in pieces:
        if transport.closed:  # asyncio hands over no more
            break
        connection.data_received(piece)
    for _ in range(3):  # until the tasks have what their futures have
        await asyncio.sleep(0)
    ends = [_end(task) for task in asking]
    _report(heard, asking)
    connection.connection_lost(None)
    await asyncio.gather(*asking, return_exceptions=True)
    return transport.closed, [type(message) for message in heard], ends


def _questions(connection: Connection) -> list[Coroutine[Any, Any, Any]]:
    return [
        connection.ask(messages.OFPFeaturesRequest(DESC)),
        connection.ask(messages.OFPPortDescStatsRequest(DESC, 0)),
        connection.ask(
            messages.OFPFlowStatsRequest(
                DESC, 0, of.OFPTT_ALL, of.OFPP_ANY, of.OFPG_ANY, 0, 0, messages.OFPMatch()
            )
        ),
        connection.ask(messages.OFPMeterConfigStatsRequest(DESC, 0, of.OFPM_ALL)),
        connection.ask(messages.OFPPortStatsRequest(DESC, 0, of.OFPP_ANY)),
        connection.ask(messages.OFPRoleRequest(DESC, of.OFPCR_ROLE_NOCHANGE, 0)),
        connection.carry_out([rules.drop()]),
    ]


def _end(task: asyncio.Task[Any]) -> object:
    if not task.done():
        return None
    error = task.exception()
    assert error is None or isinstance(error, UNANSWERED), error
    return type(error) if error is not None else len(task.result())


def _report(heard: list[Any], asking: list[asyncio.Task[Any]]) -> None:
    features, described, dumped, metered, counted, role, _ = (
        task.result() if task.done() and not task.exception() else [] for task in asking
    )
    msgspec.json.encode([each.datapath_id for each in features] + [each.role for each in role])
    there = [ports.read(each) for part in described for each in part.body]
    shown = [payloads.port(*port) for port in there if port is not None]
    msgspec.json.encode([*shown, ports.counters(SWITCH, counted, 0)])
    flows = [rules.read(stats) for part in dumped for stats in part.body]
    limits = [meters.read(stats) for part in metered for stats in part.body]
    for asked in _ASKED:
        answers.messages(asked, dumps.rules(asked, SWITCH, flows), "fl-1", 0)
        answers.messages(asked, dumps.meters(asked, SWITCH, limits), "fl-1", 0)
    up = {1: OpenFlowPort(1, "p1", PortState.UP)}
    switch: Any = SimpleNamespace(id=SWITCH, ports=up)
    discovery = Discovery(lambda *_: None, 1.0)
    for message in heard:
        if isinstance(message, messages.OFPPacketIn):
            discovery.receive(switch, message)
        else:
            assert isinstance(message, messages.OFPPortStatus)
            ports.read(message.desc)
