"""Commands and answers in OpenKilda's second envelope: their ways, their chains, their errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flrouter import profiles
from flrouter.core.requests.refused import instead_of
from flrouter.core.shard import Shard
from flrouter.core.values import peers
from flrouter.core.values.inputs import Command, Report, Told
from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from tests.core.test_several_topics import SWITCH, Alone
from tests.messages.test_abstract_messages import COMMAND_ID, METADATA, install, message
from tests.openkilda.schemas import faults

FLOW_HS, RULES, CONTROL = (
    ("kilda.speaker.flowhs.storm", "kilda.speaker.flow_fl-1", "kilda.speaker.flowhs.priv"),
    (
        "kilda.speaker.switch.manager.storm",
        "kilda.speaker.switch.manager_fl-1",
        "kilda.speaker.switch.manager.priv",
    ),
    (
        "kilda.network.control.storm",
        "kilda.network.control_fl-1",
        "kilda.speaker.network.control.response.priv",
    ),
)
SEGMENT = message(
    "request.IngressFlowSegmentInstallRequest",
    switch_id=SWITCH,
    command_id=COMMAND_ID,
    metadata=METADATA,
)


class Router(Alone):
    """A router of one shard, and a service that writes bytes of its own."""

    def send(self, topic: str, data: bytes) -> None:
        """A command."""
        self.offset += 1
        self.decide(Command(Origin(topic, 0, self.offset), data, decode(data), ()))

    def answer(self, data: bytes) -> None:
        """The FL's answer, on whichever of its topics."""
        self.offset += 1
        origin = Origin("kilda.stats_fl-1", 0, self.offset)
        self.decide(Report("fl-1", origin, data, decode(data), ()))

    @property
    def asked(self) -> str:
        """The id under which the FL was asked last."""
        return decode(self.last().value or b"").correlation_id or ""


def said(value: bytes | None) -> Any:
    """A record's message, which OpenKilda's classes can read."""
    answer = json.loads(value or b"")
    assert faults("HEAD", answer) == []
    return answer


@pytest.mark.parametrize(("inbound", "read", "answers"), [FLOW_HS, RULES, CONTROL])
def test_a_command_for_rules_and_its_answer(inbound: str, read: str, answers: str) -> None:
    """Each service has its own topics; but for the id, all is as it was written."""
    router = Router()
    router.send(inbound, install())
    assert router.last().topic == read
    asked = router.asked
    assert router.last().value == install().replace(b"op-17", asked.encode())
    response = message(
        "response.rulemanager.SpeakerCommandResponse",
        asked,
        command_id=COMMAND_ID,
        switch_id=SWITCH,
        success=True,
        failed_command_ids={},
    )
    router.answer(response)
    assert router.last().topic == answers
    assert router.last().value == response.replace(asked.encode(), b"op-17")
    assert not router.shard.context.pending


def test_an_answer_in_chunks() -> None:
    """A dump for flow-HS is asked for in the one envelope and answered in the other."""
    router = Router()
    router.ask("kilda.speaker.storm", "switches.DumpRulesForFlowHsRequest", switch_id=SWITCH)
    asked = router.asked
    router.sends.clear()
    for index in (1, 0, 0, 2):
        router.answer(
            message(
                "response.ChunkedSpeakerDataResponse",
                asked,
                data=None,
                message_id=f"{index} : {asked}",
                total_messages=3,
            )
        )
    links = [said(send.value) for send in router.sends]
    assert [link["message_id"] for link in links] == ["1 : op", "0 : op", "2 : op"]
    assert {send.topic for send in router.sends} == {"kilda.speaker.flowhs.priv"}
    assert not router.shard.context.pending


@pytest.mark.parametrize(
    ("inbound", "command", "topic", "clazz"),
    [
        (FLOW_HS[0], SEGMENT, FLOW_HS[2], "FlowErrorResponse"),
        (FLOW_HS[0], install(), FLOW_HS[2], "SpeakerCommandResponse"),
        (CONTROL[0], install(), CONTROL[2], "SpeakerCommandResponse"),
    ],
)
def test_an_outage_is_told_in_the_form_of_who_asked(
    inbound: str, command: bytes, topic: str, clazz: str
) -> None:
    """After the command has been forgotten."""
    router = Router()
    router.send(inbound, command)
    router.decide(Told(peers.RemoveFloodlight("fl-1")))
    [error] = [send for send in router.sends if send.topic == topic]
    assert said(error.value)["clazz"].endswith(clazz)
    assert not router.shard.context.pending


def test_so_is_a_command_that_goes_nowhere() -> None:
    """For a switch that nobody holds, at once."""
    router = Router()
    router.shard.context.floodlights["fl-1"].synced = True
    router.send(RULES[0], install().replace(b"00:09", b"00:0a"))
    assert router.last().topic == RULES[2]
    assert said(router.last().value)["success"] is False


def test_a_dump_for_flow_hs_fails_as_flow_hs_reads_it() -> None:
    """Its command was of the other envelope."""
    router = Router()
    router.ask("kilda.speaker.storm", "switches.DumpRulesForFlowHsRequest", switch_id=SWITCH)
    router.decide(Told(peers.RemoveFloodlight("fl-1")))
    [error] = [send for send in router.sends if send.topic == "kilda.speaker.flowhs.priv"]
    assert said(error.value)["data"]["error-type"] == "NOT_FOUND"


def test_what_is_kept_of_a_command_counts_as_its_size() -> None:
    """A batch of many rules is as large as its ids."""
    router = Router()
    router.send(RULES[0], install())
    [pending] = router.shard.context.pending.values()
    assert pending.size >= len(pending.draft) > 2 * len(COMMAND_ID)


def test_what_the_broker_refuses_is_told_so_too() -> None:
    """Each record that somebody waits for brings the form along."""
    inbound, _, answers = RULES
    router = Router()
    router.send(inbound, install())
    router.answer(
        message(
            "response.rulemanager.SpeakerCommandResponse",
            router.asked,
            command_id=COMMAND_ID,
            switch_id=SWITCH,
            success=True,
            failed_command_ids={},
        )
    )
    elsewhere = Shard(1, router.rules, router.shard.context.catalog)
    data = install()
    command = Command(Origin(inbound, 0, 9), data, decode(data))
    [passed] = elsewhere.decide([command], router.now).sends
    for send in (router.last(), passed):
        _, error = instead_of(send, "Too large.", router.rules, router.now, topic_exists=True)
        assert error.topic == answers
        told = said(error.value)
        assert told["clazz"].endswith(".SpeakerCommandResponse")
        assert told["success"] is False
        assert told["message_context"]["correlation_id"] == "op-17"


def test_a_command_for_several_switches_fails_in_the_form_of_who_asked() -> None:
    """A kind of one's own, whose requester reads answers of the second envelope alone."""
    own = """
        extends = "openkilda"
        [[command]]
        kind = "acme.DumpMany"
        scope = "switches"
        each = "acme.Dump"
        answer = "flow"
        error = "speaker-data"
    """
    router = Router(profiles.read(own))
    router.shard.context.floodlights["fl-1"].synced = True
    for switches in (["9", "0a"], []):
        router.sends.clear()
        data = build.message(
            names.COMMAND, {"clazz": "acme.DumpMany", "switch_ids": switches}, "op", router.now
        )
        router.decide(Told(peers.RemoveFloodlight("fl-1")))
        router.send("kilda.speaker.storm", data)
        [error] = [send for send in router.sends if send.topic == "kilda.speaker.flowhs.priv"]
        assert said(error.value)["data"]["error-type"] == (
            "NOT_FOUND" if switches else "REQUEST_INVALID"
        )
