"""Who is the master of a switch, and who becomes it when the master is gone."""

from __future__ import annotations

import time

import pytest

from flrouter.speaker.openflow import Role
from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.roles import MAX_MISSED_LOOKS, Election
from flrouter.speaker.openflow.switches.wire import of
from flrouter.speaker.sync import Mode
from tests.openflow.network import Network, transit
from tests.openflow.scripted import ScriptedSwitch, floodlight, packet_in, talking
from tests.speaker.stand_in import run
from tests.support.plain import error_type


@pytest.mark.parametrize(
    ("before", "after"), [(1 << 62, (1 << 62) + 1), ((1 << 63) - 1, 1 << 63), ((1 << 64) - 1, 0)]
)
def test_a_generation_that_others_have_counted_far(before: int, after: int) -> None:
    """A switch refuses one that is behind: this FL goes on from where the switch is."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.generation = before
        async with talking(peer) as (connection, _):
            assert await Election(connection, Role.MASTER, 1).take() is Mode.READ_WRITE
            assert (peer.role, peer.generation) == (of.OFPCR_ROLE_MASTER, after)

    run(test())


def test_a_watcher_is_in_nobodys_way() -> None:
    """It does not count on, or a master that counts by itself would be behind."""

    async def test() -> None:
        peer = ScriptedSwitch()
        peer.generation = 7
        async with talking(peer) as (connection, _):
            election = Election(connection, Role.SLAVE, 1)
            assert await election.take() is Mode.READ_ONLY
            assert await election.look(100) is Mode.READ_ONLY
            assert await election.look(200) is Mode.READ_ONLY
            assert peer.generation == 7

    run(test())


def test_a_slave_takes_over_when_nobody_counts_on() -> None:
    """And not before: while the master looks, it stays the master."""

    async def test() -> None:
        peer = ScriptedSwitch()
        async with talking(peer) as (connection, _):
            election = Election(connection, Role.MASTER, 1)
            await election.take()
            generation = peer.generation
            assert await election.look(0) is Mode.READ_WRITE
            assert peer.generation == generation + 1, "a master counts on"
            # Another FL has connected.
            peer.role, peer.generation = of.OFPCR_ROLE_SLAVE, generation + 2
            for now in (1, MAX_MISSED_LOOKS, MAX_MISSED_LOOKS + 0.9):
                assert await election.look(now) is Mode.READ_ONLY
            peer.generation += 1
            for now in (MAX_MISSED_LOOKS + 1, 2 * MAX_MISSED_LOOKS + 0.9):
                assert await election.look(now) is Mode.READ_ONLY
            assert await election.look(2 * MAX_MISSED_LOOKS + 1) is Mode.READ_WRITE
            assert peer.role == of.OFPCR_ROLE_MASTER

    run(test())


def test_links_of_a_switch_that_has_another_master() -> None:
    """Its packets do not come here any more, so nothing more is said of its links."""

    async def test() -> None:
        peer = ScriptedSwitch()
        async with floodlight(echo_s=0.1) as (one, written), peer.connected(one.port):

            def said(kind: str) -> list[str]:
                found = [each for each in written.payloads if each["clazz"].endswith(kind)]
                return [each["state"] for each in found]

            await peer.until(lambda: one.connected)
            packet = lldp.packet("00:00:00:00:00:00:00:02", 1, time.time_ns(), b"")
            peer.say(packet_in(1, packet))
            await peer.until(lambda: said("IslInfoData"))
            peer.role = of.OFPCR_ROLE_SLAVE
            await peer.until(lambda: said("SwitchInfoData") == ["ACTIVATED", "ADDED"])
            one._discovery.say_again()
            assert said("IslInfoData") == ["DISCOVERED"]

    run(test())


@pytest.mark.broker
def test_a_master_that_dies(network: Network) -> None:
    """The FL that was its slave becomes the master, and gets the commands."""
    switch = network.bridge("br1", "fl-1", "fl-2")
    network.floodlights["fl-1"].begin(role="master")
    network.deployment.start_worker()
    network.wait_served(switch)
    said = network.deployment.tap(network.deployment.write_topic("fl-1"))

    def wait_state(state: str, count: int = 1) -> None:
        said.wait_for(
            lambda record: (
                record.payload.get("switch_id") == switch and record.payload.get("state") == state
            ),
            count=count,
            timeout=20,
        )

    network.floodlights["fl-2"].begin(role="master")
    wait_state("ADDED")
    network.wait_served(switch)
    network.floodlights["fl-2"].kill()
    wait_state("ACTIVATED", 2)
    network.wait_served(switch)
    assert error_type(network.ask(transit(switch, 1))) is None
    assert 1 in network.ovs.flows("br1")
