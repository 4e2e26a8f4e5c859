"""A command that a switch refuses in part: what is taken back, and what must not be."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest

from flrouter.messages.envelope import decode
from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.command import Command
from flrouter.speaker.openflow import Role, commands
from flrouter.speaker.openflow.flows import flows, installing
from flrouter.speaker.openflow.flows.flows import Meter, Rule, VlanAction
from flrouter.speaker.openflow.switches.roles import Election
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import of
from tests.openflow.network import FLOWS, OWN, Network, transit
from tests.openflow.scripted import ScriptedSwitch, frame, talking
from tests.speaker.stand_in import run
from tests.support.plain import command, error_type


@pytest.mark.broker
def test_a_batch_of_which_one_is_refused(network: Network) -> None:
    """What it added is gone; what it replaced is not, and the error says so."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    assert error_type(network.ask(transit(switch, 1, transit_vlan_id=100))) is None
    before = network.ovs.flows("br1")
    network.ovs.vsctl(
        *("--id=@full", "create", "flow_table", f"flow_limit={len(before) + 1}"),
        *("overflow_policy=refuse", "--", "set", "bridge", "br1", "flow_tables:0=@full"),
    )
    batch = {
        "clazz": f"{FLOWS}.BatchInstallRequest",
        "switch_id": switch,
        "flow_commands": [
            transit(switch, 0xA1, transit_vlan_id=100),
            transit(switch, 0xA2, transit_vlan_id=200),
            transit(switch, 0xA3, transit_vlan_id=300),
        ],
    }
    refused = network.ask(batch)
    assert error_type(refused) == "CREATION_FAILURE"
    assert "except for 0xa1" in refused.payload["error-message"]
    assert set(network.ovs.flows("br1")) - OWN == {0xA1}


def test_a_batch_for_two_switches() -> None:
    """A rule for another switch is not installed on this one."""

    async def test() -> None:
        peer = ScriptedSwitch(1)
        async with talking(peer) as (connection, _):
            switch = await Switch.greet(connection, Election(connection, Role.EQUAL, 1))
            batch = {
                "clazz": f"{FLOWS}.BatchInstallRequest",
                "flow_commands": [transit("2", 1, input_port=1, output_port=2)],
            }
            data = command(batch, "a batch")
            asked = Command(decode(data), data, 0, 0)
            with pytest.raises(CommandFailed) as failed:
                await commands.on_switch(asked, switch, lambda *_: None)
            assert failed.value.kind is ErrorType.DATA_INVALID
            assert not peer.asked(of.OFPT_FLOW_MOD)

    run(test())


def test_what_is_taken_back_is_that_rule_alone() -> None:
    """One of another flow may have the same match at another priority, or no VLAN."""
    mod = flows.take_back(Rule(-7, 1, 5, VlanAction.NONE, 0, 2))
    assert mod.command == of.OFPFC_DELETE_STRICT
    assert (mod.cookie, mod.cookie_mask) == ((1 << 64) - 7, (1 << 64) - 1)
    assert (mod.priority, dict(mod.match.items())) == (
        flows.PRIORITY,
        {"in_port": 1, "vlan_vid": 5 | of.OFPVID_PRESENT},
    )


def test_a_meter_that_is_refused_costs_no_rule() -> None:
    """A flow gets a rate that the switch cannot do: the rule that it has is left as it is."""
    there = struct.pack("!HH", of.OFPET_METER_MOD_FAILED, of.OFPMMFC_METER_EXISTS)
    bad = struct.pack("!HH", of.OFPET_METER_MOD_FAILED, of.OFPMMFC_BAD_RATE)

    def meter(xid: int, body: bytes) -> Iterable[bytes]:
        adds = body[:2] == of.OFPMC_ADD.to_bytes(2, "big")
        return [frame(of.OFPT_ERROR, xid, there if adds else bad)]

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.replies[of.OFPT_METER_MOD] = meter
        async with talking(peer) as (connection, _):
            switch = await Switch.greet(connection, Election(connection, Role.EQUAL, 1))
            rule = Rule(1, 1, 0, VlanAction.NONE, 0, 2, Meter(7, 1000))
            with pytest.raises(CommandFailed, match="OFPMMFC_BAD_RATE") as failed:
                await installing.install(switch, [rule])
            assert failed.value.kind is ErrorType.PARAMETERS_INVALID
            assert not peer.asked(of.OFPT_FLOW_MOD)

    run(test())
