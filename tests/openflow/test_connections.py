"""Connections of real switches: anew, half open, in masses, and of those that are no switches."""

from __future__ import annotations

import socket

import pytest

from tests.openflow.network import Network, transit
from tests.support.patience import HOPE
from tests.support.plain import error_type

pytestmark = pytest.mark.broker


def test_a_switch_that_restarts(network: Network) -> None:
    """Its FL reports that it is gone and back, and its commands are carried out again."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    assert error_type(network.ask(transit(switch, 1))) is None
    network.ovs.restart_switching()
    network.wait_event("SwitchInfoData", switch_id=switch, state="DEACTIVATED")
    network.wait_served(switch)
    assert 1 not in network.ovs.flows("br1"), "a switch forgets its rules"
    assert error_type(network.ask(transit(switch, 1))) is None
    assert 1 in network.ovs.flows("br1")


def test_whoever_becomes_master_gets_the_commands(network: Network) -> None:
    """Two FLs that want to be the master: the later one is, the other one reports ADDED (RO)."""
    switch = network.bridge("br1", "fl-1", "fl-2")
    network.floodlights["fl-1"].begin(role="master")
    network.deployment.start_worker()
    network.wait_served(switch)
    network.floodlights["fl-2"].begin(role="master")
    said = network.deployment.tap(network.deployment.write_topic("fl-1"))
    said.wait_for(
        lambda record: (
            record.payload.get("switch_id") == switch and record.payload.get("state") == "ADDED"
        ),
        timeout=20,
    )
    given = network.deployment.tap(network.deployment.read_topic("fl-2"))
    network.wait_served(switch)
    name = network.send(transit(switch, 1))
    assert error_type(network.answer(name)) is None
    given.wait_for(lambda record: str(record.message.get("correlation_id")).startswith(name))


def test_packets_in_masses_keep_nobody_waiting(network: Network) -> None:
    """A rule sends all traffic to the FL: it drops what it did not ask for, unread."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    network.ovs.ofctl("add-flow", "br1", "priority=60000,in_port=1,actions=CONTROLLER:65535")
    packet = "ff" * 6 + "020000000001" + "0800" + "00" * 46
    for _ in range(10):
        network.ovs.appctl("netdev-dummy/receive", "br1-1", *[packet] * 500)
        assert error_type(network.ask(transit(switch, 1))) is None
    assert not network.events("IslInfoData")
    assert not network.events("SwitchInfoData", switch_id=switch, state="DEACTIVATED")


@pytest.mark.parametrize(
    "says", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes.fromhex("01000008000000ff")], ids=repr
)
def test_those_that_are_no_switches(network: Network, says: bytes) -> None:
    """Whoever says nothing, or nothing of OpenFlow 1.3, is hung up on; others are served."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1", echo_s=1)
    network.wait_served(switch)
    with socket.create_connection(("127.0.0.1", network.floodlights["fl-1"].port)) as stranger:
        stranger.settimeout(20 * HOPE)
        stranger.sendall(says)
        while stranger.recv(1000):
            pass  # its hello, maybe an error; then the end
    assert error_type(network.ask(transit(switch, 1))) is None
