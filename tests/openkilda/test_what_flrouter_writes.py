"""What flrouter's router and its FLs write is what OpenKilda's classes read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from flrouter import profiles
from flrouter.messages.envelope import decode
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms import build
from flrouter.speaker import answers, dumps, payloads, sync
from flrouter.speaker.command import Command
from flrouter.speaker.openflow.flows import meters, rules
from flrouter.speaker.openflow.switches import ports
from flrouter.speaker.openflow.switches.wire import messages, of
from flrouter.speaker.simulated import responses
from flrouter.speaker.simulated.switch import Switch
from flrouter.speaker.sync import Mode, PortState, SwitchRecord
from tests.openkilda.schemas import VERSIONS, faults, has

SWITCH = "00:00:00:00:00:00:00:09"
COMMANDS = "org.openkilda.messaging.command"
NOW = 1_564_000_000_000

#: the versions that know what region a message is from; what FLs write says so.
READERS = ("2019a", "2019", "HEAD")
#: profile → the version that has the switch record of its FLs.
WITH_RECORD = {"plain": "2019", "openkilda-2019": "2019", "openkilda": "HEAD"}
#: what the router makes itself, and the versions that have its class.
BY_ROUTER: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "alive request": (build.alive_request("id", NOW), ("2019a", "2019", "HEAD")),
    "sync request": (build.sync_request("id", NOW), VERSIONS),
    "unmanaged": (build.unmanaged(SWITCH, "id", NOW), ("2019a", "2019")),
    "offline": (build.switch_event(SWITCH, "REMOVED", "id", NOW), VERSIONS),
    "empty chain": (build.chunk(None, "id", 0, 0, NOW), VERSIONS),
    **{
        f"error {kind}": (build.error("id", kind, "text", "more", NOW), VERSIONS)
        for kind in ErrorType
    },
}


def network() -> dict[str, Switch]:
    """Two switches, one with a flow that has a meter."""
    first = Switch(SWITCH, Mode.READ_WRITE, dict.fromkeys((1, 2, 3), PortState.UP))
    first.flows["flow", 7] = {"meter_id": 3, "bandwidth": 100}
    other = "00:00:00:00:00:00:00:01"
    return {
        SWITCH: first,
        other: Switch(other, Mode.READ_ONLY, dict.fromkeys((1, 2), PortState.UP)),
    }


#: what an FL is asked: the class behind `command.`, and the fields of its payload.
QUESTIONS: dict[str, dict[str, Any]] = {
    "switches.DumpRulesRequest": {},
    "switches.DumpMetersRequest": {},
    "switches.DumpPortDescriptionRequest": {"port_number": 2},
    "switches.DumpSwitchPortsDescriptionRequest": {},
    "switches.ConnectModeRequest": {"connect_mode": "AUTO"},
    "discovery.PortsCommandData": {"requester": "stats"},
    "discovery.DiscoverIslCommandData": {"port_number": 1},
    "GetSwitchesRequest": {},
}
PING = {
    "clazz": "org.openkilda.messaging.floodlight.request.PingRequest",
    "switch_id": SWITCH,
    "ping": {"ping_id": "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11"},
}


def command(payload: dict[str, Any], profile: str = "plain") -> Command:
    """A command as an FL reads it."""
    data = build.message(f"{COMMANDS}.CommandMessage", payload, "id", NOW)
    return Command(decode(data), data, 0, NOW, profile=profiles.load(profile))


def written(answer: answers.Answer, of: Command | None = None) -> list[dict[str, Any]]:
    """The messages that an answer becomes."""
    found = answers.messages(of or command({"switch_id": SWITCH}), answer, "fl-1", NOW)
    return [json.loads(each.value) for each in found]


def check(message: dict[str, Any], versions: tuple[str, ...] = READERS) -> None:
    """Every version that has the payload's class reads the message; one of them at least."""
    readers = [each for each in versions if has(each, message["payload"]["clazz"])]
    assert readers
    for version in readers:
        assert faults(version, message) == [], version


@pytest.mark.parametrize("what", BY_ROUTER)
def test_what_the_router_makes_itself(what: str) -> None:
    """Is read by every version that has its class."""
    data, versions = BY_ROUTER[what]
    for version in versions:
        assert faults(version, json.loads(data)) == [], version


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_a_simulated_fl_answers(kind: str) -> None:
    """Each kind of question."""
    question = {"clazz": f"{COMMANDS}.{kind}", "switch_id": SWITCH, **QUESTIONS[kind]}
    for message in written(responses.answer(network(), command(question))):
        check(message)


def test_a_ping() -> None:
    """Its answer has a package of its own."""
    for message in written(responses.answer(network(), command(PING))):
        check(message)


def test_a_discovery_packet_is_confirmed_in_the_form_of_who_asked() -> None:
    """Versions whose command has no packet id read no packet id."""
    for more, versions in (({}, READERS), ({"packetId": 4}, ("2019", "HEAD"))):
        for message in written(payloads.discovery_sent(SWITCH, 1, more)):
            check(message, versions)


def test_an_alive_response() -> None:
    """With what could not be written."""
    check(json.loads(build.alive_response("id", "fl-1", 3, NOW)))


@pytest.mark.parametrize("profile", ["plain", "openkilda-2019"])
def test_a_sync(profile: str) -> None:
    """A chain of records, and the chain of an FL without switches."""
    records = [switch.record() for switch in network().values()]
    for snapshot in (records, []):
        links = asyncio.run(sync.listing(command({"clazz": "x"}, profile), snapshot, "fl-1", NOW))
        for link in links:
            assert faults(WITH_RECORD[profile], json.loads(link.value)) == []


def test_a_sync_that_is_told_by_its_dump_id() -> None:
    """A message for each switch, keyed by it, that says whether the FL may change it; of no
    switches there is nothing to say.
    """
    records = [switch.record() for switch in network().values()]
    payload = {"clazz": f"{COMMANDS}.discovery.NetworkCommandData", "dump_id": "dump 7"}
    asked = command(payload, "openkilda")
    found = asyncio.run(sync.listing(asked, records, "fl-1", NOW))
    assert {each.key for each in found} == {record.datapath.encode() for record in records}
    modes = []
    for each in found:
        message = json.loads(each.value)
        assert faults("HEAD", message) == []
        assert message["payload"]["dump_id"] == "dump 7"
        modes.append(message["payload"]["write_mode"])
    assert modes == [True, False]
    assert asyncio.run(sync.listing(asked, [], "fl-1", NOW)) == []


def test_a_command_for_some_of_all_switches() -> None:
    """Only those of the scope that the FL has are told of; of statistics there are none."""
    for kind, count in (("discovery.PortsCommandData", 1), ("stats.StatsRequest", 0)):
        wrapper = {
            "clazz": f"{COMMANDS}.BroadcastWrapper",
            "scope": [SWITCH, "00:00:00:00:00:00:00:63"],
            "payload": {"clazz": f"{COMMANDS}.{kind}"},
        }
        found = written(responses.answer(network(), command(wrapper)))
        assert [message["payload"]["switch_id"] for message in found] == [SWITCH] * count
        for message in found:
            check(message)


@pytest.mark.parametrize("state", ["ACTIVATED", "ADDED", "DEACTIVATED", "REMOVED", "CHANGED"])
def test_switch_events(state: str) -> None:
    """With and without a record."""
    check(event(payloads.switch_event(SWITCH, state, NOW)))
    record = network()[SWITCH].record()
    for profile, version in WITH_RECORD.items():
        shown = record.shown(profiles.load(profile).classes)
        full = payloads.switch_event(SWITCH, state, NOW, address="10.0.0.9", switch=shown)
        check(event(full), (version,))


def test_the_address_of_a_switch() -> None:
    """Of either family, as an object where that is wanted."""
    for socket, address in (("10.0.0.9:41000", "10.0.0.9"), ("[fd00::9]:41000", "fd00::9")):
        record = SwitchRecord(datapath=SWITCH, switch_socket=socket)
        assert record.shown("2019")["switch-socket"] == socket
        assert record.shown("2025")["switch-socket"] == {"address": address, "port": 41000}


def test_port_and_isl_events() -> None:
    """In all states that FLs report."""
    for state in (*PortState, "DELETE"):
        check(event(payloads.port_event(SWITCH, 4, state, NOW)))
    for state in ("DISCOVERED", "FAILED"):
        check(event(payloads.isl_event((SWITCH, 1), ("1", 2), 50, state, NOW)))


def event(payload: answers.Payload) -> dict[str, Any]:
    """A payload as an FL reports it."""
    found: dict[str, Any] = json.loads(answers.info(payload, "id", "fl-1", NOW))
    return found


# -- the FL for real switches, whose answers come from what a switch says


class Stats:
    """What os-ken says of something."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def a_rule() -> Any:
    """A rule with all sorts of things, also such as OpenKilda has no place for."""
    actions = [
        messages.OFPActionPushVlan(),
        messages.OFPActionSetField(vlan_vid=100 | of.OFPVID_PRESENT),
        messages.OFPActionSetField(ipv4_dst="10.0.0.2"),
        messages.OFPActionPopVlan(),
        messages.OFPActionOutput(2),
        messages.OFPActionGroup(4),
        messages.OFPActionExperimenterUnknown(0x2320, b"data"),
    ]
    return Stats(
        cookie=0x8000000000000001,
        priority=9,
        table_id=0,
        duration_sec=1,
        duration_nsec=2,
        idle_timeout=0,
        hard_timeout=0,
        packet_count=3,
        byte_count=4,
        match=messages.OFPMatch(
            in_port=1,
            vlan_vid=5 | of.OFPVID_PRESENT,
            eth_dst=("02:00:00:00:00:00", "ff:00:00:00:00:00"),
            ipv4_src="10.0.0.1",
        ),
        instructions=[
            messages.OFPInstructionMeter(7),
            messages.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS, actions),
        ],
    )


def dumped(profile: str, kind: str, versions: tuple[str, ...]) -> dict[str, Any]:
    """The payload of the one message with which an OpenFlow FL shows the rule."""
    asked = command({"clazz": f"{COMMANDS}.switches.{kind}", "switch_id": SWITCH}, profile)
    (message,) = written(dumps.rules(asked, SWITCH, [rules.read(a_rule())]), asked)
    check(message, versions)
    payload: dict[str, Any] = message["payload"]
    return payload


def test_what_an_openflow_fl_shows_of_rules() -> None:
    """As entries; versions until 2019 have a place for one field that a rule sets."""
    for profile, versions in (("openkilda-2019", ("2019a", "2019")), ("openkilda", ("HEAD",))):
        (shown,) = dumped(profile, "DumpRulesRequest", versions)["flows"]
        assert shown["cookie"] == -(2**63) + 1
        assert shown["match"]["in_port"] == "1"
        assert shown["match"]["vlan_vid"] == "5"
        actions = shown["instructions"]["apply_actions"]
        assert actions["output"] == "2"
        if profile == "openkilda":
            assert {"key": "vlan_vid", "value": "100"} in actions["set_field_actions"]


def test_what_an_openflow_fl_shows_of_rules_to_the_rule_manager() -> None:
    """As speaker data, with its actions in their order."""
    payload = dumped("openkilda", "DumpRulesForSwitchManagerRequest", ("HEAD",))
    (shown,) = payload["flow_speaker_data"]
    assert sorted(shown["match"], key=lambda one: str(one["field"])) == [
        {"field": "ETH_DST", "value": 0x020000000000, "mask": 0xFF0000000000},
        {"field": "IN_PORT", "value": 1, "mask": None},
        {"field": "VLAN_VID", "value": 5, "mask": None},
    ]
    actions = shown["instructions"]["apply_actions"]
    assert [action["clazz"].rpartition(".")[2] for action in actions] == [
        *("PushVlanAction", "SetFieldAction", "PopVlanAction", "PortOutAction", "GroupAction"),
    ]
    assert actions[1]["value"] == 100
    assert actions[3]["port_number"] == {"port_number": 2, "port_type": None}
    assert shown["instructions"]["go_to_meter"] == 7


def test_what_an_openflow_fl_shows_of_meters_and_ports() -> None:
    """And of the ports' counters, for all versions but the oldest."""
    band = Stats(rate=100, burst_size=105)
    meter = Stats(meter_id=7, bands=[band], flags=of.OFPMF_KBPS | of.OFPMF_BURST)
    port = ports.OpenFlowPort(3, "eth3", PortState.UP)
    counters = Stats(port_no=3, **dict.fromkeys(ports._COUNTERS, 5))
    answered = [
        answers.Info(dumps.meter_entries(SWITCH, [meters.read(meter)])),
        payloads.ports([payloads.port(*port)]),
        answers.Info(payloads.port(*port)),
        answers.Info(payloads.port_states(SwitchRecord(SWITCH, (sync.Port(3),)), "stats", NOW)),
        answers.Info(ports.counters(SWITCH, [Stats(body=[counters])], NOW)),
        payloads.rule_ids([3, 1]),
    ]
    for answer in answered:
        for message in written(answer):
            check(message)


def test_counters_that_a_switch_does_not_have() -> None:
    """OpenFlow has 2⁶⁴ - 1 for these, which no `long` holds; Java's own bits of it are -1."""
    unknown = Stats(port_no=3, **dict.fromkeys(ports._COUNTERS, (1 << 64) - 1))
    (message,) = written(answers.Info(ports.counters(SWITCH, [Stats(body=[unknown])], NOW)))
    check(message)
    assert message["payload"]["stats"][0]["rxDropped"] == -1
