"""Row 5: what a switch refuses, or does not confirm, is the right ErrorMessage."""

from __future__ import annotations

import pytest

from tests.openflow.network import OWN, Network, sample, transit
from tests.support.clients import Record
from tests.support.plain import error_type

pytestmark = pytest.mark.broker


def told(answer: Record) -> tuple[str | None, str]:
    """Type and message of an error."""
    return error_type(answer), str(answer.payload.get("error-message"))


def test_what_a_switch_refuses(network: Network) -> None:
    """Unknown ports, bad meters, full tables: each has its type, and leaves no rule behind."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    before = set(network.ovs.flows("br1"))

    kind, message = told(network.ask(transit(switch, 1, output_port=77)))
    assert (kind, "no port 77" in message) == ("NOT_FOUND", True)

    kind, _ = told(network.ask({**sample("01", switch), "meter_id": 0xFFFF_0001}))
    assert kind == "DATA_INVALID"
    kind, _ = told(network.ask(transit(switch, 1, transit_vlan_id=4096)))
    assert kind == "DATA_INVALID"
    kind, _ = told(network.ask({"clazz": "a.b.InstallTeapot", "switch_id": switch}))
    assert kind == "NOT_IMPLEMENTED"
    assert set(network.ovs.flows("br1")) == before

    network.ovs.vsctl(
        *("--id=@full", "create", "flow_table", f"flow_limit={len(before) + 1}"),
        *("overflow_policy=refuse", "--", "set", "bridge", "br1", "flow_tables:0=@full"),
    )
    assert told(network.ask(transit(switch, 1)))[0] is None
    kind, message = told(network.ask(transit(switch, 2)))
    assert (kind, "OFPFMFC_TABLE_FULL" in message) == ("CREATION_FAILURE", True)
    assert set(network.ovs.flows("br1")) - OWN == {1}


def test_a_switch_that_goes_before_it_has_confirmed(network: Network) -> None:
    """The answer says that it is gone, and that nobody knows what it did."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1", echo_s=20)
    network.wait_served(switch)
    network.ovs.freeze()
    name = network.send_acknowledged("fl-1", transit(switch, 1))
    network.ovs.stop()
    answer = network.answer(name)
    kind, message = told(answer)
    assert (kind, "has gone before it confirmed" in message) == ("NOT_FOUND", True), message
    assert "not known" in answer.payload["error-description"]
    network.wait_event("SwitchInfoData", switch_id=switch, state="DEACTIVATED")


def test_a_switch_that_stands_still(network: Network) -> None:
    """It is still connected and says nothing: the command ends in time, by its own FL."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1", echo_s=1.5)
    network.wait_served(switch)
    network.ovs.freeze()
    name = network.send_acknowledged("fl-1", transit(switch, 1))
    kind, _ = told(network.answer(name))
    assert kind in ("OPERATION_TIMED_OUT", "NOT_FOUND")
    network.wait_event("SwitchInfoData", switch_id=switch, state="DEACTIVATED")
    network.ovs.thaw()
    network.wait_served(switch)
