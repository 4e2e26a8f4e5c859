"""Whatever a simulated or an OpenFlow FL writes, OpenKilda's classes of its profile read.

Each is asked with every kind of command that its version has, with all fields that the kind has.
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.speaker import Speaker, SpeakerOptions
from flrouter.speaker.openflow import OpenFlowFloodlight
from flrouter.speaker.openflow.switches.wire import messages, of
from flrouter.speaker.simulated import FloodlightOptions, SimulatedFloodlight
from flrouter.speaker.sync import PortState
from tests.docs.blocks import ROOT
from tests.docs.markdown import code, rows, section
from tests.openflow import scripted
from tests.openkilda import examples, schemas
from tests.openkilda.schemas import faults
from tests.speaker.stand_in import run, when

#: profile → the version whose classes its FLs write.
VERSIONS = {"openkilda-2019": "2019", "openkilda": "HEAD"}
#: the switch, and the port, that stand in all examples.
SWITCH = "00:00:00:00:00:00:00:09"
PORT = 7

PAGE = (ROOT / "docs" / "openkilda.md").read_text("utf-8")
TABLE = section(PAGE, "Commands and events of Floodlights of 2025").partition("What it reports")[0]
FLOWS = ("InstallIngressFlow", "InstallEgressFlow", "InstallTransitFlow", "InstallOneSwitchFlow")
#: version → kind of command → the classes that may answer it; none when nothing does.
ANSWERS: dict[str, dict[str, set[str]]] = {
    "HEAD": {
        **{kind: set(code(row[3])) for row in rows(TABLE) for kind in code(row[0])},
        "AliveRequest": {"AliveResponse"},
        # Floodlight has no handler for it.
        "SwitchRulesInstallRequest": {"SwitchRulesResponse"},
        # Within a wrapper the router asks; outside of it nobody does.
        "BroadcastWrapper": {"SwitchPortStatusData"},
    },
    "2019": {
        "AliveRequest": {"AliveResponse"},
        "NetworkCommandData": {"NetworkDumpSwitchData"},
        **{kind: {kind} for kind in (*FLOWS, "RemoveFlow", "DefaultFlowsCommandData")},
        "BatchInstallRequest": set(),
        "BatchInstallForSwitchManagerRequest": {"BatchInstallResponse"},
        "DumpRulesRequest": {"SwitchFlowEntries"},
        "DumpRulesForSwitchManagerRequest": {"SwitchFlowEntries"},
        "ValidateRulesRequest": {"SwitchFlowEntries"},
        "DumpMetersRequest": {"SwitchMeterEntries"},
        "DumpMetersForSwitchManagerRequest": {"SwitchMeterEntries"},
        "MeterModifyCommandRequest": {"FlowMeterEntries"},
        "DeleteMeterRequest": {"DeleteMeterResponse"},
        "DumpPortDescriptionRequest": {"PortDescription"},
        "DumpSwitchPortsDescriptionRequest": {"SwitchPortsDescription"},
        "PortConfigurationRequest": {"PortConfigurationResponse"},
        "SwitchRulesDeleteRequest": {"SwitchRulesResponse"},
        "SwitchRulesInstallRequest": {"SwitchRulesResponse"},
        "ConnectModeRequest": {"ConnectModeResponse"},
        "PortsCommandData": {"SwitchPortStatusData"},
        "StatsRequest": set(),  # statistics are reported unasked
        "ListSwitchRequest": {"ErrorData"},  # Floodlight has no handler for it
        "DiscoverIslCommandData": {"DiscoPacketSendingConfirmation"},
        "DiscoverPathCommandData": set(),
        "SetupBfdSession": {"BfdSessionResponse"},
        "RemoveBfdSession": {"BfdSessionResponse"},
        "PingRequest": {"PingResponse"},
    },
}
#: what an OpenFlow FL carries out (docs/openflow.md).
ON_SWITCHES = {
    *("AliveRequest", "NetworkCommandData", "BroadcastWrapper", "PortsCommandData"),
    *("StatsRequest", "ConnectModeRequest", "DiscoverIslCommandData", "DiscoverPathCommandData"),
    *("DumpRulesRequest", "DumpRulesForSwitchManagerRequest", "DumpRulesForFlowHsRequest"),
    *("DumpMetersRequest", "DumpMetersForSwitchManagerRequest", "DumpMetersForFlowHsRequest"),
    *("ValidateRulesRequest", "DumpPortDescriptionRequest", "DumpSwitchPortsDescriptionRequest"),
    *(*FLOWS, "RemoveFlow", "DefaultFlowsCommandData", "BatchInstallRequest"),
    *("BatchInstallForSwitchManagerRequest", "SwitchRulesDeleteRequest"),
}
#: how each form of answer says that a kind is not implemented.
REFUSALS = {"ErrorData", "FlowErrorResponse", "SpeakerCommandResponse", "SpeakerDataResponse"}
CASES = [
    pytest.param(profile, kind, id=f"{profile}-{kind}")
    for profile, version in VERSIONS.items()
    for kind in schemas.concrete(version, ["CommandData", "SpeakerRequest"])
]


class Kafka:
    """Stands where an FL reads and writes."""

    failures = 0
    catching_up = False

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    def send(self, key: bytes, value: bytes, *_: Any, **__: Any) -> None:
        """Note a record."""
        self.written.append(json.loads(value))

    def reporter(self) -> None:
        """Nobody counts failures here."""


def command(version: str, kind: str) -> dict[str, Any]:
    """A command of this kind, with all that its class has."""
    said = examples.full(version, kind)
    if kind == "BroadcastWrapper":
        said["payload"] = examples.full(version, "PortsCommandData")
    if kind == "SwitchRulesDeleteRequest":
        said["criteria"] = None  # by all of them at once, that are not the same in all versions
    if "message_context" in said:
        return said
    return {**examples.full(version, "CommandMessage"), "payload": said}


def told(floodlight: Speaker) -> Kafka:
    """What the FL writes from now on."""
    kafka = Kafka()
    floodlight.writer = kafka  # type: ignore[assignment]
    floodlight.reader = kafka  # type: ignore[assignment]
    return kafka


async def answers(floodlight: Speaker, said: dict[str, Any]) -> list[dict[str, Any]]:
    """What the FL writes when it reads a command."""
    kafka = told(floodlight)
    value = json.dumps(said).encode()
    floodlight.receive(
        [SimpleNamespace(topic="any", partition=0, offset=0, timestamp=0, headers=(), value=value)]
    )
    await floodlight._lanes.join(30)
    return kafka.written


def class_of(message: dict[str, Any]) -> str:
    """The class that answers: the payload's, where there is one."""
    payload = message.get("payload") or message
    return str(payload["clazz"]).rpartition(".")[2]


def simulated(profile: str) -> SimulatedFloodlight:
    """An FL with the switch, and one that it may only read."""
    return SimulatedFloodlight(
        FloodlightOptions(
            speaker=SpeakerOptions(id="fl-1", profile=profile),
            switches=(SWITCH,),
            read_only=("1",),
            ports=PORT,
        )
    )


@pytest.mark.parametrize(("profile", "kind"), CASES)
def test_what_a_simulated_fl_answers(profile: str, kind: str) -> None:
    """The class that Floodlight answers with, and nothing where it does not answer."""
    version = VERSIONS[profile]

    async def test() -> None:
        found = await answers(simulated(profile), command(version, kind))
        for message in found:
            assert faults(version, message) == []
        assert {class_of(message) for message in found} <= ANSWERS[version][kind]
        assert bool(found) == bool(ANSWERS[version][kind])
        assert not any(message.get("success") is False for message in found)

    run(test())


@pytest.mark.parametrize("profile", VERSIONS)
def test_what_a_simulated_fl_reports(profile: str) -> None:
    """Switches, ports and links, in all their states."""

    async def test() -> None:
        floodlight = simulated(profile)
        kafka = told(floodlight)
        for switch in floodlight.connected.values():
            floodlight.switch_event(switch.id, switch.mode.value, switch=switch.record())
        floodlight.set_port(SWITCH, PORT, PortState.DOWN)
        floodlight.port_event(SWITCH, PORT, "DELETE")
        for state in ("DISCOVERED", "FAILED"):
            floodlight.isl_event((SWITCH, 1), ("1", 1), 5, state)
        floodlight.disconnect(SWITCH)
        floodlight.disconnect("1", "REMOVED")
        assert len(kafka.written) == 8
        for message in kafka.written:
            assert faults(VERSIONS[profile], message) == []

    run(test())


def test_what_a_simulated_fl_has_after_commands_for_rules() -> None:
    """The rule manager gets back what it installed, until it deletes it; others see it too."""

    async def test() -> None:
        floodlight = simulated("openkilda")
        for kind, count in (("Install", 1), ("Modify", 1), ("Delete", 0)):
            await answers(floodlight, command("HEAD", f"{kind}SpeakerCommandsRequest"))
            asked = command("HEAD", "DumpRulesForSwitchManagerRequest")
            (dump,) = await answers(floodlight, {**asked, "correlation_id": kind})
            assert faults("HEAD", dump) == []
            assert len(dump["payload"]["flow_speaker_data"]) == count
            (entries,) = await answers(
                floodlight, {**command("HEAD", "DumpRulesRequest"), "correlation_id": f"{kind} 2"}
            )
            assert faults("HEAD", entries) == []
            assert len(entries["payload"]["flows"]) == count

    run(test())


def test_a_dump_of_many_rules() -> None:
    """In as many chunks as Floodlight makes of it; for flow-HS in the second envelope."""

    async def test() -> None:
        floodlight = simulated("openkilda")
        rule = examples.full("HEAD", "FlowSpeakerData")
        rules = {cookie: {**rule, "cookie": cookie} for cookie in range(1100)}
        floodlight.switch(SWITCH).rules = rules
        for kind, place in (("SwitchManager", "payload"), ("FlowHs", "data")):
            found = await answers(floodlight, command("HEAD", f"DumpRulesFor{kind}Request"))
            assert [message["total_messages"] for message in found] == [3, 3, 3]
            sizes = [len(message[place]["flow_speaker_data"]) for message in found]
            assert sizes == [500, 500, 100]
        (whole,) = await answers(floodlight, command("HEAD", "DumpRulesRequest"))
        assert len(whole["payload"]["flows"]) == 1100

    run(test())


def test_a_failure_is_told_in_the_form_of_who_asked() -> None:
    """Of a switch that the FL does not have."""
    forms = {
        "InstallSpeakerCommandsRequest": "SpeakerCommandResponse",
        "TransitFlowSegmentInstallRequest": "FlowErrorResponse",
        "DumpRulesForFlowHsRequest": "SpeakerDataResponse",
        "DumpRulesRequest": "ErrorData",
    }

    async def test() -> None:
        floodlight = simulated("openkilda")
        told(floodlight)
        floodlight.disconnect(SWITCH)
        for kind, form in forms.items():
            (error,) = await answers(floodlight, command("HEAD", kind))
            assert faults("HEAD", error) == []
            assert class_of(error) == form

    run(test())


# -- the FL for real switches


def packed(instruction: Any) -> bytes:
    """An instruction of os-ken's."""
    data = bytearray()
    instruction.serialize(data, 0)
    return bytes(data)


def peer() -> scripted.ScriptedSwitch:
    """A switch with a rule, a meter, and a port that counts."""
    made = scripted.ScriptedSwitch(9)
    actions = [
        messages.OFPActionPushVlan(),
        messages.OFPActionSetField(vlan_vid=100 | of.OFPVID_PRESENT),
        messages.OFPActionOutput(of.OFPP_CONTROLLER),
    ]
    rule = scripted.rule(
        packed(messages.OFPInstructionMeter(PORT)),
        packed(messages.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS, actions)),
    )
    band = struct.pack("!HHII4x", of.OFPMBT_DROP, 16, 100, 105)
    made.entries = {
        of.OFPMP_PORT_DESC: scripted.port(PORT),
        of.OFPMP_FLOW: rule,
        of.OFPMP_METER_CONFIG: struct.pack("!HHI", 24, of.OFPMF_KBPS, PORT) + band,
        of.OFPMP_PORT_STATS: struct.pack("!I4x12QII", PORT, *range(12), 0, 0),
    }
    return made


@asynccontextmanager
async def openflow(
    profile: str,
) -> AsyncIterator[tuple[OpenFlowFloodlight, scripted.ScriptedSwitch, Kafka]]:
    """An FL to which the switch is connected, and what it writes."""
    switch = peer()
    async with scripted.floodlight(profile=profile) as (floodlight, _):
        kafka = told(floodlight)
        async with switch.connected(floodlight.port):
            await when(lambda: SWITCH in floodlight.connected)
            yield floodlight, switch, kafka


@pytest.mark.parametrize(("profile", "kind"), CASES)
def test_what_an_openflow_fl_answers(profile: str, kind: str) -> None:
    """The same class, or that it does not do that, in the form of who asked."""
    version = VERSIONS[profile]

    async def test() -> None:
        async with openflow(profile) as (floodlight, _, _):
            found = await answers(floodlight, command(version, kind))
            for message in found:
                assert faults(version, message) == []
            wanted = ANSWERS[version][kind] if kind in ON_SWITCHES else REFUSALS
            assert {class_of(message) for message in found} <= wanted
            assert bool(found) == bool(wanted)

    run(test())


@pytest.mark.parametrize("profile", VERSIONS)
def test_what_an_openflow_fl_reports(profile: str) -> None:
    """Switches, ports, links and counters."""

    async def test() -> None:
        async with openflow(profile) as (floodlight, switch, kafka):
            await floodlight._counters_of(floodlight.connected[SWITCH])
            floodlight.isl_event((SWITCH, PORT), ("1", 1), 5)
            switch.say(scripted.port_status(0, PORT, state=of.OFPPS_LINK_DOWN))
            await when(lambda: len(kafka.written) == 4)
            switch.say(scripted.port_status(0, PORT, of.OFPPR_DELETE))
            await when(lambda: len(kafka.written) == 5)
        await when(lambda: len(kafka.written) == 6)
        kinds = [class_of(message) for message in kafka.written]
        assert kinds == [
            *("SwitchInfoData", "PortStatsData", "IslInfoData"),
            *("PortInfoData", "PortInfoData", "SwitchInfoData"),
        ]
        for message in kafka.written:
            assert faults(VERSIONS[profile], message) == []

    run(test())
