"""Row 1: what each kind of command does to a real switch, and when its answer comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openflow.network import FLOWS, OWN, Network, eventually, removal, sample
from tests.support.plain import error_type

pytestmark = pytest.mark.broker

ONE_SWITCH = {
    "clazz": f"{FLOWS}.InstallOneSwitchFlow",
    "flowid": "7B",
    "cookie": 123,
    "input_port": 3,
    "output_port": 2,
    "input_vlan_id": 0,
    "output_vlan_id": 0,
    "output_vlan_type": "NONE",
    "bandwidth": 2000,
    "meter_id": 7,
}


def cases(switch: str) -> dict[str, tuple[dict[str, Any], tuple[str, ...]]]:
    """Each command, and what `ovs-ofctl dump-flows` must show of its rule."""
    ingress, egress = sample("01", switch), sample("05", switch)
    one = {**ONE_SWITCH, "switch_id": switch}
    push = "actions=meter:1,push_vlan:0x8100,set_field:4196->vlan_vid,output:2"
    return {
        "ingress of a port": (ingress, ("in_port=3", push)),
        "ingress of a VLAN, its tag replaced": (
            {**ingress, "input_vlan_id": 50, "output_vlan_type": "REPLACE"},
            ("in_port=3,dl_vlan=50", "actions=meter:1,set_field:4196->vlan_vid,output:2"),
        ),
        "ingress without a meter": (
            {**ingress, "meter_id": None, "input_vlan_id": 51, "output_vlan_type": "PUSH"},
            ("in_port=3,dl_vlan=51", "actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:2"),
        ),
        "egress without a tag": (egress, ("in_port=3,dl_vlan=100", "actions=pop_vlan,output:2")),
        "egress with another tag": (
            {**egress, "output_vlan_id": 60, "output_vlan_type": "REPLACE"},
            ("in_port=3,dl_vlan=100", "actions=set_field:4156->vlan_vid,output:2"),
        ),
        "transit": (sample("09", switch), ("in_port=3,dl_vlan=100", "actions=output:2")),
        "one switch": (one, ("in_port=3", "actions=meter:7,output:2")),
        "one switch, tag pushed": (
            {**one, "output_vlan_id": 70, "output_vlan_type": "PUSH"},
            ("in_port=3", "actions=meter:7,push_vlan:0x8100,set_field:4166->vlan_vid,output:2"),
        ),
        "one switch, tag popped": (
            {**one, "input_vlan_id": 71, "output_vlan_type": "POP"},
            ("in_port=3,dl_vlan=71", "actions=meter:7,pop_vlan,output:2"),
        ),
        "one switch, one port": (
            {**one, "output_port": 3, "input_vlan_id": 72},
            ("in_port=3,dl_vlan=72", "actions=meter:7,IN_PORT"),
        ),
        "batch": (sample("34", switch), ("in_port=3,dl_vlan=100", "actions=output:2")),
        "negative cookie": (
            {**sample("09", switch), "cookie": -5},
            ("in_port=3,dl_vlan=100", "actions=output:2"),
        ),
    }


def test_every_install_kind_of_the_samples(network: Network) -> None:
    """`ovs-ofctl dump-flows` shows the rule with its cookie as soon as the answer is there."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    for name, (payload, expected) in cases(switch).items():
        cookie = payload.get("cookie", 123) % 2**64
        answer = network.ask(payload)
        rules = network.ovs.flows("br1").get(cookie, [])
        assert answer.payload == payload, f"{name}: the command itself is sent back"
        assert len(rules) == 1, f"{name}: {rules}"
        for text in expected:
            assert text in rules[0], name
        shown = network.ask(sample("32", switch)).payload["flows"]
        assert cookie in {entry["cookie"] % 2**64 for entry in shown}, name
        assert error_type(network.ask(removal(switch, payload.get("cookie", 123)))) is None
        assert set(network.ovs.flows("br1")) <= OWN, name

    assert "meter=1 " in network.ovs.ofctl("dump-meters", "br1")
    network.ask(sample("09", switch))
    network.ask({**sample("33", switch), "criteria": None})
    assert "meter=1 " not in network.ovs.ofctl("dump-meters", "br1"), "removed with its rule"
    network.ask(sample("14", switch))
    assert set(network.ovs.flows("br1")) == OWN


def test_a_meter_that_is_there_gets_the_new_rate(network: Network) -> None:
    """A flow whose bandwidth was changed is installed anew, under the same meter."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    for rate in (10000, 20000):
        assert error_type(network.ask({**sample("01", switch), "bandwidth": rate})) is None
        assert f"rate={rate} " in network.ovs.ofctl("dump-meters", "br1")
    meters = network.ask(
        {
            "clazz": "org.openkilda.messaging.command.switches.DumpMetersRequest",
            "switch_id": switch,
        }
    )
    (entry,) = meters.payload["meters"]
    assert (entry["meter_id"], entry["rate"]) == (1, 20000)


def test_there_is_no_answer_before_the_switch_has_confirmed(network: Network) -> None:
    """A switch that does nothing for a while: the FL has acknowledged, and waits for it."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1", echo_s=20)
    network.wait_served(switch)
    network.ovs.freeze()
    try:
        name = network.send_acknowledged("fl-1", sample("09", switch))
        other = network.ask({"clazz": f"{FLOWS}.InstallTransitFlow", "switch_id": "7"})
        assert error_type(other) == "NOT_FOUND"
        assert not network.requester.answers_to(name)
    finally:
        network.ovs.thaw()
    assert error_type(network.answer(name)) is None
    assert 123 in network.ovs.flows("br1")


def test_deleting_rules(network: Network) -> None:
    """By criteria, or all but the FL's own; the answer lists what is gone."""
    switch = network.bridge("br1", "fl-1")
    network.start("fl-1")
    network.wait_served(switch)
    base = {
        "clazz": "org.openkilda.messaging.command.switches.SwitchRulesDeleteRequest",
        "switch_id": switch,
    }
    for cookie, vlan in ((1, 10), (2, 20), (3, 30)):
        network.ask({**sample("09", switch), "cookie": cookie, "transit_vlan_id": vlan})
    gone = network.ask({**base, "criteria": {"in_port": 3, "in_vlan": 20}})
    assert gone.payload["rule_ids"] == [2]
    gone = network.ask({**base, "delete_rules": "IGNORE_DEFAULTS"})
    assert gone.payload["rule_ids"] == [1, 3]
    eventually(lambda: set(network.ovs.flows("br1")) <= OWN, "only its own rules are there")
    refused = network.ask({**base, "delete_rules": "REMOVE_SOME"})
    assert error_type(refused) == "PARAMETERS_INVALID"


def test_ports_and_their_counters(network: Network) -> None:
    """What the switch itself says of them, when asked and unasked."""
    switch = network.bridge("br1", "fl-1", ports=2)
    network.start("fl-1", stats_s=0.5)
    network.wait_served(switch)
    base = {"switch_id": switch}
    kinds = "org.openkilda.messaging.command.switches"
    ports = network.ask({**base, "clazz": f"{kinds}.DumpSwitchPortsDescriptionRequest"})
    assert [port["port_number"] for port in ports.payload["port_desc"]] == [1, 2]
    port = network.ask({**base, "clazz": f"{kinds}.DumpPortDescriptionRequest", "port_number": 2})
    assert port.payload["port_number"] == 2
    missing = network.ask(
        {**base, "clazz": f"{kinds}.DumpPortDescriptionRequest", "port_number": 9}
    )
    assert error_type(missing) == "NOT_FOUND"
    counters = network.wait_event("PortStatsData", switch_id=switch)
    assert {each["portNo"] for each in counters["stats"]} == {1, 2}
