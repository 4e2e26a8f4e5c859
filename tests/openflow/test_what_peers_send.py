"""What a peer sends is believed no further than it must be: types, lengths, whose answer it is."""

from __future__ import annotations

import asyncio
import struct

import pytest

from flrouter.speaker.openflow.flows import rules
from flrouter.speaker.openflow.switches.connection import Silent
from flrouter.speaker.openflow.switches.parsing import parse
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import DESC, Unreadable, messages, of
from tests.openflow.scripted import (
    ScriptedSwitch,
    frame,
    multipart,
    port_status,
    rule,
    talking,
)
from tests.speaker.stand_in import run

pytestmark = pytest.mark.timeout(30)  # some of this once kept an FL busy forever

NICIRA = 0x2320
EXPERIMENTER = struct.pack("!HHII", of.OFPIT_EXPERIMENTER, 16, NICIRA, 0) + bytes(4)


def action(length: int, kind: int = of.OFPAT_SET_FIELD, body: bytes = bytes(12)) -> bytes:
    """An action with a length of the test's choice."""
    return struct.pack("!HH", kind, length) + body


def actions(*given: bytes, length: int | None = None) -> bytes:
    """An instruction to apply them, with a length of the test's choice."""
    body = b"".join(given)
    length = 8 + len(body) if length is None else length
    return struct.pack("!HH4x", of.OFPIT_APPLY_ACTIONS, length) + body


#: Open vSwitch's `ct` with an action of no length in it.
TRACKING = action(
    32, of.OFPAT_EXPERIMENTER, struct.pack("!IH", NICIRA, 35) + bytes(14) + action(0)[:8]
)


BAND = struct.pack("!HHIHHII4x", 24, 0, 1, of.OFPMBT_DROP, 0, 0, 0)
#: what is wrong → what is listed, and its entries.
WRONG = {
    "a rule of nothing": (of.OFPMP_FLOW, rule(length=0)),
    "a rule without a match": (of.OFPMP_FLOW, rule(length=48)),
    "a rule that is cut": (of.OFPMP_FLOW, rule(length=57)),
    "a rule's beginning": (of.OFPMP_FLOW, rule()[:10]),
    "an instruction of nothing": (of.OFPMP_FLOW, rule(actions(length=0))),
    "an instruction that is cut": (of.OFPMP_FLOW, rule(actions(length=16))),
    "an action of nothing": (of.OFPMP_FLOW, rule(actions(action(0)))),
    "an action that is cut": (of.OFPMP_FLOW, rule(actions(action(24)))),
    "a meter of nothing": (of.OFPMP_METER_CONFIG, struct.pack("!HHI", 0, 0, 1)),
    "a band of nothing": (of.OFPMP_METER_CONFIG, BAND),
    "a port that is cut": (of.OFPMP_PORT_DESC, bytes(63)),
    "counters that are cut": (of.OFPMP_PORT_STATS, bytes(111)),
    "what nobody asks for": (of.OFPMP_TABLE_FEATURES, bytes(64)),
    "what there is not": (0xABCD, b""),
}


@pytest.mark.parametrize(("what", "entries"), WRONG.values(), ids=WRONG)
def test_lengths_that_cannot_be(what: int, entries: bytes) -> None:
    """Are found, and not followed."""
    with pytest.raises(Unreadable):
        parse(multipart(1, what, entries))


def test_what_is_an_experimenters_own_is_not_looked_into() -> None:
    """A rule with it is listed with the others, and what it holds hurts nobody."""
    foreign = rule(actions(TRACKING), cookie=2)
    reply = parse(multipart(1, of.OFPMP_FLOW, rule(EXPERIMENTER) + foreign))
    assert [stats.cookie for stats in reply.body] == [1, 2]
    (instruction,) = reply.body[1].instructions
    assert instruction.actions[0].experimenter == NICIRA


def test_a_dump_with_an_experimenters_instruction() -> None:
    """Is answered without it, over the connection that there was."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.entries[of.OFPMP_FLOW] = rule(EXPERIMENTER) + rule(actions(TRACKING), cookie=2)
        async with talking(peer) as (connection, _):
            found = [rules.read(stats) for stats in await rules.on(Switch(1, connection))]
            assert [rule.cookie for rule in found] == [1, 2]
            assert found[1].actions == [], "OpenKilda has no place for it"

    run(test())


def test_an_answer_of_another_kind_is_none() -> None:
    """Anybody can guess an xid: a dump is no answer to who somebody is, ports are none to rules."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.replies[of.OFPT_FEATURES_REQUEST] = lambda xid, _: [
            multipart(xid, of.OFPMP_FLOW, rule(length=0))
        ]
        peer.replies[of.OFPT_MULTIPART_REQUEST] = lambda xid, _: [multipart(xid, of.OFPMP_FLOW)]
        async with talking(peer, timeout_s=0.2) as (connection, _):
            for request in (
                messages.OFPFeaturesRequest(DESC),
                messages.OFPPortDescStatsRequest(DESC, 0),
            ):
                with pytest.raises(Silent):
                    await connection.ask(request)

    run(test())


def test_an_answer_that_cannot_be_read_is_told_at_once() -> None:
    """To whom it was for; the next message is another matter."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.entries[of.OFPMP_PORT_DESC] = bytes(63)
        async with talking(peer) as (connection, _):
            with pytest.raises(Unreadable):
                await connection.ask(messages.OFPPortDescStatsRequest(DESC, 0))
            await connection.ask(messages.OFPBarrierRequest(DESC))

    run(test())


def test_an_error_that_cannot_be_read_ends_the_connection() -> None:
    """Something was refused, and nobody knows what: so nothing counts as confirmed."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.replies[of.OFPT_FLOW_MOD] = lambda xid, _: [frame(of.OFPT_ERROR, xid, b"?")]
        async with talking(peer) as (connection, _):
            with pytest.raises(ConnectionError):
                await connection.carry_out([rules.drop()])
            await peer.hung_up()

    run(test())


def test_a_port_that_changes_confirms_no_barrier() -> None:
    """Switches number what they say unasked as they like, also as a barrier that is pending."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.replies[of.OFPT_BARRIER_REQUEST] = lambda xid, _: [port_status(xid, 1)]
        async with talking(peer) as (connection, heard):
            confirming = asyncio.create_task(connection.carry_out([rules.drop()]))
            ((barrier, _),) = await peer.until(lambda: peer.asked(of.OFPT_BARRIER_REQUEST))
            # Messages come in order: when this is answered, the port's was taken.
            await connection.ask(messages.OFPPortDescStatsRequest(DESC, 0))
            assert [type(message) for message in heard] == [messages.OFPPortStatus]
            assert not confirming.done()
            peer.say(frame(of.OFPT_BARRIER_REPLY, barrier))
            assert await confirming == {}

    run(test())
