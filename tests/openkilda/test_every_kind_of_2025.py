"""Every command and event of docs/openkilda.md's tables, there and back through a real router.

Each is sent with all fields that its class has, to an FL that takes only what its classes take.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.core.test_several_topics import Alone
from tests.docs.blocks import ROOT
from tests.docs.markdown import code, rows, section
from tests.openkilda import examples, schemas
from tests.openkilda.field import Field, Services
from tests.openkilda.floodlights import FloodlightOf2025, Payload
from tests.support.clients import Record
from tests.support.plain import CHUNK

VERSION = "HEAD"
#: the switch that stands in all examples.
SWITCH = "00:00:00:00:00:00:00:09"
ABSTRACT = (
    "SpeakerRequest",
    "SpeakerResponse",
    "SpeakerDataResponse",
    "ChunkedSpeakerDataResponse",
)
#: where services read → where a Floodlight writes what is for them.
WRITES = {
    "kilda.topo.disco.storm": "kilda.topo.disco",
    "kilda.speaker.flowhs.priv": "kilda.speaker.flowhs.priv.region",
    "kilda.speaker.switch.manager.priv": "kilda.speaker.switch.manager.priv.region",
    "kilda.speaker.network.control.response.priv": "kilda.network.control.response.priv.region",
    "kilda.topo.switch.manager.storm": "kilda.topo.switch.manager",
    "kilda.northbound.storm": "kilda.northbound",
    "kilda.topo.nb.storm": "kilda.topo.nb",
    "kilda.ping.storm": "kilda.ping",
    "kilda.stats.storm": "kilda.stats",
}


class Case(NamedTuple):
    """One kind of command from one topic, and one class that may answer it."""

    kind: str
    inbound: str
    read: str
    #: nothing when by design nothing answers.
    answer: str
    goes_to: str
    done: str

    def __str__(self) -> str:
        return f"{self.kind} from {self.inbound}, {self.answer or 'no answer'}"


PAGE = (ROOT / "docs" / "openkilda.md").read_text("utf-8")
COMMANDS, EVENTS = section(PAGE, "Commands and events of Floodlights of 2025").split(
    "What it reports"
)
ALL = [
    Case(kind, *code(inbound), *code(read), answer, *code(goes_to), *code(done))
    for kinds, inbound, read, answers, goes_to, done, _ in rows(COMMANDS)
    for kind in code(kinds)
    for answer in code(answers) or [""]
]
#: commands to all have tests of their own.
CASES = [case for case in ALL if case.done in ("message", "none") or case.kind == "PingRequest"]
ANSWERED = [case for case in CASES if case.answer]
BY_DESIGN = [case for case in CASES if case.done == "none"]
UNHANDLED = [case for case in CASES if case.done == "message" and not case.answer]
EVENT_CASES = [
    (kind, written.replace("_{fl}", ""), topic)
    for kinds, templates, topics, _ in rows(EVENTS)
    for kind, written, topic in product(code(kinds), code(templates), code(topics))
]


def is_abstract(kind: str) -> bool:
    """Whether a class is of the second envelope."""
    return kind in schemas.concrete(VERSION, ABSTRACT)


class Speaker(FloodlightOf2025):
    """Answers whatever it is asked as the case says, and keeps where it read it."""

    case: Case
    #: the topic, by OpenKilda's name, of the last command.
    read_at = ""

    def handle(self, kind: str, record: Record, correlation_id: str) -> None:
        """A command with a payload."""
        self.answer(kind, record, correlation_id)

    def handle_abstract(self, message: Payload, topic: str) -> None:
        """A command of the second envelope."""
        kind = message["clazz"].rpartition(".")[2]
        self.answer_to(kind, topic, message["message_context"]["correlation_id"])

    def answer(self, kind: str, record: Record, correlation_id: str) -> None:
        """The same for both."""
        self.answer_to(kind, record.topic, correlation_id)

    def answer_to(self, kind: str, topic: str, correlation_id: str) -> None:
        """Say what the case wants."""
        case = self.case
        self.read_at = topic
        if kind != case.kind or not case.answer:
            return
        said = examples.full(VERSION, case.answer)
        to = WRITES[case.goes_to]
        chunk = {"message_id": f"0 : {correlation_id}", "total_messages": 1}
        if is_abstract(case.answer):
            said["message_context"]["correlation_id"] = correlation_id
            if case.answer.startswith("Chunked"):
                said |= chunk
            self.write(to, said, correlation_id)
        elif case.kind.endswith("ForSwitchManagerRequest"):
            envelope = self._envelope(CHUNK, correlation_id) | chunk
            self.write(to, {**envelope, "payload": said}, correlation_id)
        else:
            self.say(to, said, correlation_id, correlation_id)


@pytest.fixture(scope="module")
def field(broker_url: str, work_folder: Path) -> Iterator[Field]:
    """A router with the profile of 2025, and one region."""
    with Field(broker_url, work_folder, "openkilda", VERSION, ["reg1"], sync_timeout=600) as found:
        found.start_worker()
        yield found


@pytest.fixture(scope="module")
def speaker(field: Field) -> Speaker:
    """An FL with the switch of the examples."""
    return Speaker(field, "reg1", [SWITCH])


@pytest.fixture(scope="module")
def services(field: Field, speaker: Speaker) -> Services:
    """All services, as soon as they have heard of the switch."""
    found = field.services()
    found.wait_for_switch(SWITCH)
    return found


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The ids of all commands that were answered."""
    return []


def ask(services: Services, case: Case) -> str:
    """Send the case's command; returns its correlation id."""
    command = examples.full(VERSION, case.kind)
    clazz = command.pop("clazz").removeprefix("org.openkilda.")
    if not is_abstract(case.kind):
        return services.ask(case.inbound, clazz, **command)
    del command["message_context"]
    clazz = clazz.removeprefix("floodlight.api.request.")
    return services.ask_abstract(case.inbound, clazz, **command)


@pytest.mark.broker
@pytest.mark.parametrize("case", ANSWERED, ids=str)
def test_every_kind_of_command(
    services: Services, speaker: Speaker, asked: list[str], case: Case
) -> None:
    """It reaches the FL where the table says, and its answer who the table says."""
    speaker.case = case
    correlation_id = ask(services, case)
    answer = services.answer(correlation_id)
    asked.append(correlation_id)
    region = f"_{speaker.region}"
    assert speaker.read_at == speaker._field.named(case.read.replace("_{fl}", region))
    assert services.topic_of(answer) == case.goes_to
    said = answer.message if is_abstract(case.answer) else answer.payload
    assert said["clazz"].rpartition(".")[2] == case.answer
    assert services.refused == []
    assert speaker.refused == []
    assert speaker.dropped == []


@pytest.mark.broker
@pytest.mark.parametrize("case", BY_DESIGN, ids=str)
def test_every_kind_that_nothing_answers(
    field: Field, services: Services, speaker: Speaker, case: Case
) -> None:
    """The FL has it, and the router waits for nothing."""
    speaker.case = case
    speaker.took.clear()
    correlation_id = ask(services, case)
    speaker.until(lambda: case.kind in speaker.took, 10, case.kind)
    worker = field.workers[0]
    speaker.until(lambda: worker.stats()["pending"] == 0, 10, "nothing to be pending")
    assert services.answers_to(correlation_id) == []


@pytest.mark.broker
@pytest.mark.parametrize(("kind", "written", "topic"), EVENT_CASES)
def test_every_kind_of_event(
    services: Services, speaker: Speaker, kind: str, written: str, topic: str
) -> None:
    """It goes where the table says, with all that its class has."""
    payload = examples.full(VERSION, kind)
    if kind == "SwitchInfoData":
        payload["state"] = "CHANGED"  # others end in the router
    correlation_id = f"{kind} on {written}"
    speaker.say(written, payload, correlation_id, SWITCH)
    [event] = services.wait(correlation_id)
    assert services.topic_of(event) == topic
    assert event.payload == payload
    assert services.refused == []


@pytest.mark.broker
def test_each_had_one_answer(services: Services, asked: list[str]) -> None:
    """Also some time later; this comes last."""
    assert len(asked) == len(ANSWERED)
    for correlation_id in asked:
        assert len(services.answers_to(correlation_id)) == 1


@pytest.mark.parametrize("case", UNHANDLED, ids=str)
def test_a_kind_without_a_handler(case: Case) -> None:
    """Nothing answers it, and that is told by a timeout, where its answer would have come."""
    router = Alone()
    command: dict[str, Any] = examples.full(VERSION, case.kind)
    kind = command.pop("clazz").removeprefix("org.openkilda.messaging.command.")
    router.ask(case.inbound, kind, **command)
    [sent] = [send for send in router.sends if send.topic.startswith("kilda.speaker_")]
    assert sent.topic == case.read.replace("{fl}", "fl-1")
    router.now += router.rules.response_timeout + 1
    router.decide()
    [error] = [send for send in router.sends if send.topic == case.goes_to]
    assert b"OPERATION_TIMED_OUT" in (error.value or b"")


def test_the_table_has_enough_of_each() -> None:
    """Were it read wrongly, nothing would be tested."""
    assert len(ANSWERED) > 70
    assert len(BY_DESIGN) == len(UNHANDLED) == 1
    assert len(EVENT_CASES) == 15
    left = {case.kind for case in ALL} - {case.kind for case in CASES}
    assert left == {"NetworkCommandData", "PortsCommandData", "StatsRequest"}
