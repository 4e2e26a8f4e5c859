"""A switch that is busy is not one that is gone."""

from __future__ import annotations

import asyncio

import pytest

from flrouter.speaker.openflow.flows import rules
from flrouter.speaker.openflow.switches.connection import Silent
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from tests.openflow.scripted import ScriptedSwitch, floodlight, frame, talking
from tests.speaker.stand_in import run


def test_a_command_may_take_longer_than_a_sign_of_life() -> None:
    """A switch confirms when it has done what it was told."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.replies.pop(of.OFPT_BARRIER_REQUEST)
        peer.replies.pop(of.OFPT_FEATURES_REQUEST)
        async with talking(peer, timeout_s=0.1) as (connection, _):
            confirming = asyncio.create_task(connection.carry_out([rules.drop()]))
            ((barrier, _),) = await peer.until(lambda: peer.asked(of.OFPT_BARRIER_REQUEST))
            with pytest.raises(Silent):
                await connection.ask(messages.OFPFeaturesRequest(DESC))
            peer.say(frame(of.OFPT_BARRIER_REPLY, barrier))
            assert await confirming == {}

    run(test())


def test_a_sync_of_a_switch_that_does_not_list_its_ports_in_time() -> None:
    """It is heard meanwhile: it stays, with the ports that it told of last."""

    async def test() -> None:
        peer = ScriptedSwitch()
        async with floodlight(echo_s=0.5) as (one, written), peer.connected(one.port):
            await peer.until(lambda: one.connected and peer.asked(of.OFPT_FLOW_MOD))
            before = [switch.record() for switch in one.connected.values()]
            peer.replies[of.OFPT_MULTIPART_REQUEST] = lambda *_: [frame(of.OFPT_ECHO_REQUEST, 0)]
            assert list(await one.switches()) == before
            assert [len(record.ports) for record in before] == [2]
            assert written.states() == ["ACTIVATED"]

    run(test())


def test_a_sync_of_a_switch_that_says_nothing() -> None:
    """It is gone."""

    async def test() -> None:
        peer = ScriptedSwitch()
        async with floodlight(echo_s=0.5) as (one, written), peer.connected(one.port):
            await peer.until(lambda: one.connected and peer.asked(of.OFPT_FLOW_MOD))
            peer.replies.clear()
            assert list(await one.switches()) == []
            assert written.states() == ["ACTIVATED", "DEACTIVATED"]
            await peer.hung_up()

    run(test())
