"""OpenKilda of 2019 around flrouter, with the topics that it has, by settings alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openkilda.field import Field, Services
from tests.openkilda.floodlights import Floodlight2019
from tests.support.plain import error_type, switch_id

pytestmark = pytest.mark.broker

ONE, TWO, OTHER = switch_id(1), switch_id(2), switch_id(3)
COMMAND = "messaging.command"
PING = {
    "ping_id": "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11",
    "source": {"switch-id": ONE, "port-id": 1},
    "dest": {"switch-id": TWO, "port-id": 1},
}
FLOW = {
    "transaction_id": "8c1b3a0e-1f57-4d0c-9a80-2f0b0a3b7c11",
    "flowid": "flow",
    "cookie": 7,
    "switch_id": ONE,
}

#: what services ask: the topic, the class, the payload; and where the answer goes, and what it is.
ASKED: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    "install": (
        *("kilda.speaker.flow.storm", f"{COMMAND}.flow.InstallTransitFlow"),
        {**FLOW, "input_port": 1, "output_port": 2, "transit_vlan_id": 3},
        *("kilda.flow.storm", "InstallTransitFlow"),
    ),
    "remove": (
        *("kilda.speaker.flow.storm", f"{COMMAND}.flow.RemoveFlow", FLOW),
        *("kilda.flow.storm", "RemoveFlow"),
    ),
    "dump rules": (
        *("kilda.speaker.storm", f"{COMMAND}.switches.DumpRulesRequest", {"switch_id": ONE}),
        *("kilda.northbound.storm", "SwitchFlowEntries"),
    ),
    "dump rules for the switch manager": (
        "kilda.speaker.storm",
        f"{COMMAND}.switches.DumpRulesForSwitchManagerRequest",
        {"switch_id": ONE},
        *("kilda.topo.switch.manager.storm", "SwitchFlowEntries"),
    ),
    "dump meters for the switch manager": (
        "kilda.speaker.storm",
        f"{COMMAND}.switches.DumpMetersForSwitchManagerRequest",
        {"switch_id": ONE},
        *("kilda.topo.switch.manager.storm", "SwitchMeterEntries"),
    ),
    "validate": (
        *("kilda.speaker.storm", f"{COMMAND}.switches.ValidateRulesRequest", {"switch_id": ONE}),
        *("kilda.topo.nb.storm", "SwitchFlowEntries"),
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
    "connect mode, of which there is one though there are two floodlights": (
        *("kilda.speaker.storm", f"{COMMAND}.switches.ConnectModeRequest"),
        {"connect_mode": "AUTO"},
        *("kilda.northbound.storm", "ConnectModeResponse"),
    ),
    "a switch that nobody has": (
        *("kilda.speaker.storm", f"{COMMAND}.switches.ValidateRulesRequest"),
        {"switch_id": switch_id(99)},
        *("kilda.topo.nb.storm", "ErrorData"),
    ),
}


@pytest.fixture(scope="module")
def field(broker_url: str, work_folder: Path) -> Iterator[Field]:
    """A router with the profile of 2019, and two regions."""
    regions = ("reg1", "reg2")
    with Field(broker_url, work_folder, "openkilda-2019", "2019", regions) as found:
        found.start_worker()
        yield found


@pytest.fixture(scope="module")
def floodlights(field: Field) -> dict[str, Floodlight2019]:
    """Two FLs, by region."""
    return {
        "reg1": Floodlight2019(field, "reg1", [ONE, TWO]),
        "reg2": Floodlight2019(field, "reg2", [OTHER]),
    }


@pytest.fixture(scope="module")
def services(field: Field, floodlights: dict[str, Floodlight2019]) -> Services:
    """All services, as soon as they have heard of all switches."""
    found = field.services()
    for switch in (ONE, TWO, OTHER):
        found.wait_for_switch(switch)
    return found


@pytest.mark.parametrize("what", ASKED)
def test_every_command_is_answered_once_and_on_its_topic(
    services: Services, floodlights: dict[str, Floodlight2019], what: str
) -> None:
    """Whichever of its topics the FL writes to."""
    inbound, clazz, payload, topic, kind = ASKED[what]
    asked = services.ask(inbound, clazz, **payload)
    # That a ping has arrived is told under its own id.
    answer = services.answer(payload["ping"]["ping_id"] if "ping" in payload else asked)
    assert services.topic_of(answer) == topic
    assert answer.payload["clazz"].rpartition(".")[2] == kind
    for floodlight in floodlights.values():
        assert floodlight.refused == []
    assert services.refused == []


def test_a_sync_lists_all_switches(services: Services) -> None:
    """The chains of both FLs, each whole."""
    asked = services.ask(
        "kilda.speaker.disco.storm", f"{COMMAND}.discovery.NetworkCommandData", requester="me"
    )
    found = services.wait_where(
        lambda record: str(record.message.get("correlation_id")).startswith(asked), count=3
    )
    listed = {record.payload["switch_record"]["datapath"] for record in found}
    assert listed == {ONE, TWO, OTHER}
    assert {services.topic_of(record) for record in found} == {"kilda.topo.disco.storm"}


def test_answers_to_all_pass_one_by_one(services: Services) -> None:
    """One for each switch; that no more come is no error."""
    clazz = f"{COMMAND}.discovery.PortsCommandData"
    asked = services.ask("kilda.speaker.storm", clazz, requester="me")
    found = services.wait(asked, count=3)
    assert {record.payload["switch_id"] for record in found} == {ONE, TWO, OTHER}
    assert {services.topic_of(record) for record in found} == {"kilda.stats.storm"}


def test_a_batch_is_carried_out_and_not_answered(
    field: Field, services: Services, floodlights: dict[str, Floodlight2019]
) -> None:
    """So an FL of 2019 has it; no timeout tells of it either, which the dead letters would show."""
    clazz = f"{COMMAND}.flow.BatchInstallRequest"
    worker = field.workers[0]
    before = worker.stats()["pending"]
    asked = services.ask("kilda.speaker.storm", clazz, switch_id=ONE, flow_commands=[])
    one = floodlights["reg1"]
    one.until(lambda: "BatchInstallRequest" in one.took, 10, "the batch")
    one.until(lambda: worker.stats()["pending"] <= before, 10, "the batch to be forgotten")
    assert services.answers_to(asked) == []


def test_an_outage_ends_what_is_pending_and_a_return_brings_the_switches_back(
    services: Services, floodlights: dict[str, Floodlight2019]
) -> None:
    """Without an acknowledgement the alive messages alone tell it, long before any timeout."""
    two = floodlights["reg2"]
    two.mute = True
    asked = services.ask(
        "kilda.speaker.storm", f"{COMMAND}.switches.DumpRulesRequest", switch_id=OTHER
    )
    two.until(lambda: two.took, 10, "the command")
    two.stop()
    answer = services.answer(asked)
    assert error_type(answer) == "NOT_FOUND"
    assert services.topic_of(answer) == "kilda.northbound.storm"
    services.wait_where(
        lambda record: (
            "UnmanagedSwitch" in record.payload.get("clazz", "")
            and record.payload["switch_id"] == OTHER
        )
    )
    two.mute = False
    two.start()

    def served() -> bool:
        again = services.ask(
            "kilda.speaker.storm", f"{COMMAND}.switches.DumpRulesRequest", switch_id=OTHER
        )
        return error_type(services.answer(again)) is None

    services.until(served, 20, f"{OTHER} to be served again")
    assert services.refused == []
