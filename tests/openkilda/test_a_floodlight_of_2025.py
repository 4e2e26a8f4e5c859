"""OpenKilda of 2025 around flrouter: its 17 topics, its header, both of its envelopes, its syncs,
its notifications and its statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openkilda.field import Field, Services
from tests.openkilda.floodlights import FloodlightOf2025
from tests.support.clients import Record
from tests.support.plain import error_type, switch_id

pytestmark = pytest.mark.broker

ONE, OTHER = switch_id(1), switch_id(3)
COMMAND = "messaging.command"
PING = {
    "ping_id": "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11",
    "source": {"switch-id": ONE, "port-id": 1},
    "dest": {"switch-id": OTHER, "port-id": 1},
    "transit_encapsulation": None,
    "isl_port": 0,
}
API = "org.openkilda.floodlight.api"
SPEAKER = "kilda.speaker.storm"
FLOW_HS = "kilda.speaker.flowhs.storm"
NOBODY_S = switch_id(99)
METADATA = {"flowid": "flow", "cookie": 7, "multi_table": True}
SEGMENTS = [
    (
        "TransitFlowSegmentInstallRequest",
        {"switch_id": ONE, "encapsulation": {"id": 1, "type": "TRANSIT_VLAN"}},
    ),
    ("IngressFlowLoopSegmentVerifyRequest", {"endpoint": {"switch_id": ONE}}),
]
#: where services with commands for rules write → where they read the answers.
SERVICES = {
    FLOW_HS: "kilda.speaker.flowhs.priv",
    "kilda.speaker.switch.manager.storm": "kilda.speaker.switch.manager.priv",
    "kilda.network.control.storm": "kilda.speaker.network.control.response.priv",
}

#: what services ask: the topic, the class, the payload; and where the answer goes, and what it is.
ASKED: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    "dump rules": (
        *(SPEAKER, f"{COMMAND}.switches.DumpRulesRequest", {"switch_id": ONE}),
        *("kilda.northbound.storm", "SwitchFlowEntries"),
    ),
    "dump meters": (
        *(SPEAKER, f"{COMMAND}.switches.DumpMetersRequest", {"switch_id": OTHER}),
        *("kilda.northbound.storm", "SwitchMeterEntries"),
    ),
    "delete rules": (
        *(SPEAKER, f"{COMMAND}.switches.SwitchRulesDeleteRequest"),
        {"switch_id": ONE, "delete_rules": "DROP_ALL"},
        *("kilda.topo.switch.manager.storm", "SwitchRulesResponse"),
    ),
    "modify a meter": (
        *(SPEAKER, f"{COMMAND}.flow.MeterModifyCommandRequest"),
        {"switch_id": ONE, "meter_id": 3, "bandwidth": 100},
        *("kilda.topo.nb.storm", "SwitchMeterEntries"),
    ),
    "delete a meter": (
        *(SPEAKER, f"{COMMAND}.flow.DeleteMeterRequest", {"switch_id": ONE, "meter_id": 3}),
        *("kilda.northbound.storm", "DeleteMeterResponse"),
    ),
    "ping": (
        *("kilda.speaker.flow.ping.storm", "messaging.floodlight.request.PingRequest"),
        {"ping": PING},
        *("kilda.ping.storm", "PingResponse"),
    ),
    "discover": (
        *("kilda.speaker.disco.storm", f"{COMMAND}.discovery.DiscoverIslCommandData"),
        {"switch_id": ONE, "port_number": 1, "packetId": 4},
        *("kilda.topo.disco.storm", "DiscoPacketSendingConfirmation"),
    ),
}


@pytest.fixture(scope="module")
def field(broker_url: str, work_folder: Path) -> Iterator[Field]:
    """A router with the profile of 2025, two regions, and one that may only read its switches.

    Whoever waits for a sync to fail waits in vain: nothing says where it ends.
    """
    with Field(
        broker_url, work_folder, "openkilda", "HEAD", ("reg1", "reg2", "stats"), sync_timeout=600
    ) as found:
        found.start_worker()
        yield found


@pytest.fixture(scope="module")
def floodlights(field: Field) -> list[FloodlightOf2025]:
    """Two FLs with a switch each, and one that may read the first one's."""
    reader = FloodlightOf2025(field, "stats", [])
    reader.observe(ONE)
    masters = [FloodlightOf2025(field, "reg1", [ONE]), FloodlightOf2025(field, "reg2", [OTHER])]
    return [*masters, reader]


@pytest.fixture(scope="module")
def services(field: Field, floodlights: list[FloodlightOf2025]) -> Services:
    """All services, as soon as they have heard of both switches."""
    found = field.services()
    for switch in (ONE, OTHER):
        found.wait_for_switch(switch)
    return found


def check(services: Services, floodlights: list[FloodlightOf2025]) -> None:
    """Nobody got what OpenKilda's readers drop or its classes refuse."""
    assert services.refused == []
    for floodlight in floodlights:
        assert floodlight.dropped == []
        assert floodlight.refused == []


@pytest.mark.parametrize("what", ASKED)
def test_every_command_is_answered_once_and_on_its_topic(
    services: Services, floodlights: list[FloodlightOf2025], what: str
) -> None:
    """With the header on all that goes back and forth."""
    inbound, clazz, payload, topic, kind = ASKED[what]
    asked = services.ask(inbound, clazz, **payload)
    # That a ping has arrived is told under its own id.
    answer = services.answer(payload["ping"]["ping_id"] if "ping" in payload else asked)
    assert services.topic_of(answer) == topic
    assert answer.payload["clazz"].rpartition(".")[2] == kind
    check(services, floodlights)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("verb", ["Install", "Modify", "Delete"])
def test_commands_for_rules(
    services: Services, floodlights: list[FloodlightOf2025], service: str, verb: str
) -> None:
    """Each of the three services has its own answers."""
    rule = {"clazz": f"{API}.request.rulemanager.FlowCommand", "data": {"uuid": PING["ping_id"]}}
    clazz = f"rulemanager.{verb}SpeakerCommandsRequest"
    asked = services.ask_abstract(service, clazz, switch_id=ONE, command_data=[rule])
    answer = services.answer(asked)
    assert services.topic_of(answer) == SERVICES[service]
    assert answer.message["success"] is True
    check(services, floodlights)


@pytest.mark.parametrize(("kind", "fields"), SEGMENTS)
def test_flow_segments(
    services: Services, floodlights: list[FloodlightOf2025], kind: str, fields: dict[str, Any]
) -> None:
    """Whose switch stands at the top or in their endpoint."""
    answer = services.answer(services.ask_abstract(FLOW_HS, kind, metadata=METADATA, **fields))
    assert services.topic_of(answer) == SERVICES[FLOW_HS]
    assert answer.message["metadata"] == METADATA
    check(services, floodlights)


def test_a_dump_for_flow_hs(services: Services, floodlights: list[FloodlightOf2025]) -> None:
    """Asked for in the one envelope, answered in chunks of the other."""
    clazz = f"{COMMAND}.switches.DumpRulesForFlowHsRequest"
    found = services.wait(services.ask(SPEAKER, clazz, switch_id=ONE), count=2)
    assert {services.topic_of(record) for record in found} == {SERVICES[FLOW_HS]}
    check(services, floodlights)


@pytest.mark.parametrize(
    ("clazz", "fields", "kind"),
    [
        (
            "rulemanager.InstallSpeakerCommandsRequest",
            {"switch_id": NOBODY_S},
            "SpeakerCommandResponse",
        ),
        (
            "IngressFlowLoopSegmentInstallRequest",
            {"endpoint": {"switch_id": NOBODY_S}, "metadata": METADATA},
            "FlowErrorResponse",
        ),
    ],
)
def test_a_switch_that_nobody_has(
    services: Services,
    floodlights: list[FloodlightOf2025],
    clazz: str,
    fields: dict[str, Any],
    kind: str,
) -> None:
    """flow-HS is told in the only form that it reads; and so, the syncs of both FLs are over."""
    answer = services.answer(services.ask_abstract(FLOW_HS, clazz, **fields))
    assert answer.message["clazz"].rpartition(".")[2] == kind
    assert answer.message["success"] is False
    check(services, floodlights)


def test_an_answer_in_chunks(services: Services, floodlights: list[FloodlightOf2025]) -> None:
    """All of them, to the switch manager."""
    clazz = f"{COMMAND}.switches.DumpRulesForSwitchManagerRequest"
    found = services.wait(services.ask(SPEAKER, clazz, switch_id=ONE), count=2)
    assert {services.topic_of(record) for record in found} == {"kilda.topo.switch.manager.storm"}
    check(services, floodlights)


def connections(record: Record) -> dict[str, tuple[str, bool]]:
    """Region → its mode, whether it is master; of a notification."""
    return {
        entry["regionName"]: (entry["connectMode"], entry["master"])
        for entry in record.payload["availabilityData"]["connections"]
    }


def notices(services: Services, kind: str, switch: str, count: int = 1) -> list[Record]:
    """The notifications of a kind about a switch."""

    def is_one(record: Record) -> bool:
        payload = record.payload
        named = payload.get("switchId") or payload.get("speakerData", {}).get("datapath")
        return payload.get("clazz", "").endswith(f".{kind}") and named == switch

    return services.wait_where(is_one, count)


def test_switches_are_told_of_by_their_connections(
    services: Services, floodlights: list[FloodlightOf2025]
) -> None:
    """A master of the one region, which the other one may read; and a dump of its master alone."""
    [connected] = notices(services, "SwitchConnectNotification", ONE)
    assert services.topic_of(connected) == "kilda.topo.disco.storm"
    [update, *_] = notices(services, "SwitchAvailabilityUpdateNotification", ONE)
    last = max(connected, update, key=lambda record: record.offset)
    assert connections(last) == {"reg1": ("READ_WRITE", True), "stats": ("READ_ONLY", False)}
    clazz = f"{COMMAND}.discovery.NetworkCommandData"
    asked = services.ask("kilda.speaker.disco.storm", clazz)
    dumps = services.wait_where(lambda record: record.payload.get("dump_id") == asked, 2)
    listed = {record.payload["switch_record"]["datapath"]: record for record in dumps}
    assert {switch: record.key for switch, record in listed.items()} == {
        switch: switch.encode() for switch in (ONE, OTHER)
    }
    assert all(record.payload["write_mode"] for record in dumps)
    check(services, floodlights)


def scopes(floodlights: list[FloodlightOf2025], kind: str) -> dict[str, list[list[str]]]:
    """Region → the switches of each command of a kind that it had."""
    found = {
        floodlight.region: [scope for each, scope in floodlight.scopes if each == kind]
        for floodlight in floodlights
    }
    return {region: asked for region, asked in found.items() if asked}


def test_ports_of_all_switches(services: Services, floodlights: list[FloodlightOf2025]) -> None:
    """Each region tells of those whose master it is; it would drop a command without a scope."""
    clazz = f"{COMMAND}.discovery.PortsCommandData"
    found = services.wait(services.ask(SPEAKER, clazz, requester="me"), count=2)
    assert {record.payload["switch_id"] for record in found} == {ONE, OTHER}
    assert {services.topic_of(record) for record in found} == {"kilda.stats.storm"}
    assert {record.payload["requester"] for record in found} == {"me"}
    assert scopes(floodlights, "PortsCommandData") == {"reg1": [[ONE]], "reg2": [[OTHER]]}
    check(services, floodlights)


def test_statistics_of_all_switches(
    services: Services, floodlights: list[FloodlightOf2025]
) -> None:
    """From a region that may only read, where it has the switch, and each switch once."""
    notices(services, "SwitchAvailabilityUpdateNotification", ONE)
    asked = services.ask(SPEAKER, f"{COMMAND}.stats.StatsRequest")

    def is_one(record: Record) -> bool:
        return bool(record.payload.get("clazz", "").endswith("StatsData"))

    found = services.wait_where(is_one, 4)
    assert len(services.answers_to(asked)) == 2
    assert {record.payload["switch_id"] for record in found} == {ONE, OTHER}
    assert {services.topic_of(record) for record in found} == {"kilda.stats.storm"}
    assert scopes(floodlights, "StatsRequest") == {"reg2": [[OTHER]], "stats": [[ONE]]}
    check(services, floodlights)


def test_events_have_topics_of_their_own(
    services: Services, floodlights: list[FloodlightOf2025]
) -> None:
    """Latencies go to who measures them; the FL at the end of the link tells them."""
    floodlights[0].say_latency(OTHER, ONE)
    (found,) = services.wait_where(lambda record: "latency_ns" in record.payload)
    assert services.topic_of(found) == "kilda.topo.isl.latency.storm"
    check(services, floodlights)


def test_an_error_of_the_router_has_the_header_too(
    services: Services, floodlights: list[FloodlightOf2025]
) -> None:
    """An FL that died is found out by its alive messages, which had the header."""
    two = floodlights[1]
    two.mute = True
    clazz = f"{COMMAND}.switches.DumpRulesRequest"
    asked = services.ask(SPEAKER, clazz, switch_id=OTHER)
    two.until(lambda: two.took[-1:] == ["DumpRulesRequest"], 10, "the command")
    two.stop()
    answer = services.answer(asked)
    assert error_type(answer) == "NOT_FOUND"
    assert services.topic_of(answer) == "kilda.northbound.storm"
    [gone] = notices(services, "SwitchDisconnectNotification", OTHER)
    assert gone.payload["regionOffline"] is True
    two.mute = False
    two.start()
    notices(services, "SwitchConnectNotification", OTHER, 2)
    assert services.answer(services.ask(SPEAKER, clazz, switch_id=OTHER))
    check(services, floodlights)
