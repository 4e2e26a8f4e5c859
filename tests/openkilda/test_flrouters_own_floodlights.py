"""flrouter's own FLs in the place of OpenKilda's: its services read all that they answer.

When a deployment ends, all that such an FL wrote is held against the classes too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flrouter.messages.kinds.catalog import Done
from tests.openkilda import examples
from tests.openkilda.field import Field
from tests.openkilda.test_what_floodlights_write import ANSWERS, PORT, SWITCH, VERSIONS, class_of
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker

#: what is only between the router and its FLs, and what is for all of them.
OTHERS = {"AliveRequest", "BroadcastWrapper", "NetworkCommandData"}
API = "org.openkilda.floodlight.api.request."


@pytest.fixture(scope="module", params=VERSIONS)
def field(request: pytest.FixtureRequest, broker_url: str, work_folder: Path) -> Iterator[Field]:
    """A router with one of OpenKilda's profiles."""
    profile = request.param
    with Field(
        broker_url, work_folder, profile, VERSIONS[profile], ["reg1"], sync_timeout=600
    ) as made:
        made.start_worker()
        yield made


@pytest.fixture(scope="module")
def floodlight(field: Field) -> SimulatedFloodlight:
    """An FL of flrouter's own."""
    made = SimulatedFloodlight(field, "reg1")
    made.start(SWITCH, ports=PORT)
    return made


@pytest.mark.usefixtures("floodlight")
def test_every_kind_of_command(field: Field) -> None:
    """Each is answered once, on its topic, by the class that Floodlight answers with."""
    services = field.services()
    services.wait_for_switch(SWITCH)
    catalog = field.profile.kinds
    asked = {}
    for kind, classes in ANSWERS[field.version].items():
        said = examples.full(field.version, kind)
        clazz = said.pop("clazz")
        entry = catalog.command(clazz)
        if kind in OTHERS or entry.done is not Done.MESSAGE or not classes:
            continue
        if clazz.startswith(API):
            del said["message_context"]
            inbound = field.named("kilda.speaker.flowhs.storm")
            correlation_id = services.ask_abstract(inbound, clazz.removeprefix(API), **said)
        else:
            inbound = entry.inbound or field.profile.inbound[0].topic
            correlation_id = services.ask(inbound, clazz.removeprefix("org.openkilda."), **said)
        asked[correlation_id] = (classes, catalog.answer_topic(entry, inbound))
    assert len(asked) > 20
    for correlation_id, (classes, topic) in asked.items():
        answers = services.wait(correlation_id)
        assert {class_of(answer.message) for answer in answers} <= classes
        assert {answer.topic for answer in answers} == {topic}
    assert services.refused == []


def test_what_is_wrong_is_found(field: Field, floodlight: SimulatedFloodlight) -> None:
    """As it would be when the deployment ends."""
    field.check_own_floodlights()
    event = {"clazz": "org.openkilda.messaging.info.event.PortInfoData", "switch_id": SWITCH}
    floodlight.ask(event={**event, "planted": 1})
    with pytest.raises(AssertionError, match="planted"):
        field.check_own_floodlights()
    field.own_floodlights.clear()
