"""The table of docs/openkilda.md has every class of 2025's Floodlight, as its profile has it."""

from __future__ import annotations

from pathlib import Path

from flrouter.settings.model import Settings
from tests.docs.blocks import ROOT
from tests.docs.markdown import code, rows, section
from tests.openkilda import schemas

VERSION = "HEAD"
PAGE = (ROOT / "docs" / "openkilda.md").read_text("utf-8")
COMMANDS, EVENTS = section(PAGE, "Commands and events of Floodlights of 2025").split(
    "What it reports"
)
SETTINGS = Settings(profile="openkilda")
#: what the router of OpenKilda makes itself, or asks itself.
ROUTER_S = {
    *("AliveRequest", "AliveResponse", "BroadcastWrapper", "NetworkDumpBeginMarker"),
    *("NetworkDumpEndMarker", "SwitchConnectNotification", "SwitchDisconnectNotification"),
    "SwitchAvailabilityUpdateNotification",
}
#: what stands within other messages, and what nothing of that version sends.
OTHERS = {"MeterEntry", "FlowInstallResponse"}


def full(kind: str) -> str:
    """The whole name of a class."""
    return f"org.openkilda.{schemas.classes(VERSION)[kind].full_name}"


def test_each_command_goes_and_is_answered_as_it_says() -> None:
    """The row's topics and the profile's are the same."""
    for kinds, inbound, read, _, answers, done, _ in rows(COMMANDS):
        [topic] = code(inbound)
        assert [SETTINGS.fl_topics.by_inbound[topic]] == code(read)
        for kind in code(kinds):
            entry = SETTINGS.message_catalog.command(full(kind), topic)
            assert [SETTINGS.message_catalog.answer_topic(entry, topic)] == code(answers), kind
            assert [entry.done.value] == code(done), kind
            # What is sent by hand goes where the row says, unless several services write it.
            assert entry.inbound in ("", topic)


def test_each_event_goes_where_it_says() -> None:
    """By the FL's topic, and by its class."""
    for kinds, written, topic, _ in rows(EVENTS):
        [template] = code(written)
        assert template in SETTINGS.fl_topics.written
        at = template.replace("{fl}", "reg1")
        for kind in code(kinds):
            catalog = SETTINGS.message_catalog
            found = catalog.topic_of(catalog.event(full(kind), "reg1", at))
            assert [found] == code(topic), kind


def test_no_class_is_missing() -> None:
    """All commands, all answers and events, and no others."""
    asked = {kind for row in rows(COMMANDS) for kind in code(row[0])}
    commands = schemas.concrete(VERSION, ["CommandData", "SpeakerRequest"])
    assert asked == set(commands) - ROUTER_S
    said = {kind for row in rows(COMMANDS) for kind in code(row[3])}
    said |= {kind for row in rows(EVENTS) for kind in code(row[0])}
    abstract = ["SpeakerResponse", "SpeakerDataResponse", "ChunkedSpeakerDataResponse"]
    answers = schemas.concrete(VERSION, ["InfoData", *abstract])
    assert said == set(answers) - ROUTER_S - OTHERS


def test_the_tests_that_it_names_are_there() -> None:
    """No row is without one."""
    files = (
        *("test_a_floodlight_of_2025.py", "test_every_kind_of_2025.py"),
        "../core/test_several_topics.py",
    )
    there = "".join((Path(__file__).parent / path).read_text("utf-8") for path in files)
    for row in (*rows(COMMANDS), *rows(EVENTS)):
        [name] = code(row[-1])
        assert f"def {name}(" in there, name
