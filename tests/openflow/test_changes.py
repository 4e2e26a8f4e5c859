"""Row 3: what changes at the switches, also while their FL is down, is in the network view."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openflow.network import Network, eventually

pytestmark = pytest.mark.broker


def online(**ports: str) -> dict[str, Any]:
    """A switch as the view shows it: `p1="UP"`."""
    return {"state": "online", "ports": {name[1:]: state for name, state in ports.items()}}


def test_ports_and_switches_change_while_their_fl_is_down(network: Network) -> None:
    """A port taken down, a bridge deleted, a bridge added: after the sync the view is true."""
    stays = network.bridge("stays", "fl-1", ports=3)
    goes = network.bridge("goes", "fl-1", ports=1)
    other = network.bridge("other", "fl-2", ports=1)
    listener = network.deployment.start_listener(wait=False)
    network.start("fl-1", "fl-2")
    view = {
        stays: online(p1="UP", p2="UP", p3="UP"),
        goes: online(p1="UP"),
        other: online(p1="UP"),
    }
    listener.wait_view(view, timeout=60)

    network.ovs.ofctl("mod-port", "stays", "2", "down")
    view[stays] = online(p1="UP", p2="DOWN", p3="UP")
    listener.wait_view(view)

    network.floodlights["fl-1"].kill()
    listener.wait_view({stays: "unmanaged", goes: "unmanaged", other: "online"})
    network.ovs.ofctl("mod-port", "stays", "2", "up")
    network.ovs.ofctl("mod-port", "stays", "3", "down")
    network.ovs.vsctl("del-port", "stays", "stays-1")
    network.ovs.delete_bridge("goes")
    comes = network.bridge("comes", "fl-1", ports=2)

    network.floodlights["fl-1"].begin()
    view[stays] = online(p2="UP", p3="DOWN")
    view[comes] = online(p1="UP", p2="UP")
    view[goes] = "offline"  # type: ignore[assignment]
    listener.wait_view(view, timeout=60)

    network.ovs.delete_bridge("other")
    view[other] = "offline"  # type: ignore[assignment]
    eventually(lambda: listener.view()[other]["state"] != "online", "the deleted one is gone")
    network.deployment.assert_running()
