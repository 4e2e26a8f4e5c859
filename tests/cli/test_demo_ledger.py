"""The demo's ledger: what counts as an answer, as answered twice, and as wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flrouter.demo.traffic.commands import DemoCommand, ExpectedAnswer
from flrouter.demo.traffic.ledger import REMEMBER_S, Ledger
from flrouter.demo.traffic.outages import AFTER, BEFORE, Outages

O = "org.openkilda.messaging"  # noqa: E741 - as in protocol.md, 1.2


@pytest.fixture
def outages() -> Outages:
    """No FL has died."""
    return Outages()


@pytest.fixture
def ledger(outages: Outages) -> Ledger:
    """Two switches at two FLs."""
    return Ledger({"sw-1": ["fl-1"], "sw-2": ["fl-2"]}, outages)


def command(
    name: str, answer: ExpectedAnswer = ExpectedAnswer.ONCE, switch: str | None = "sw-1"
) -> DemoCommand:
    """A command whose content does not matter."""
    return DemoCommand(name, answer, switch, b"")


def message(name: str, clazz: str = "info.InfoMessage", **more: Any) -> bytes:
    """What a topic for answers brings."""
    found = {"clazz": f"{O}.{clazz}", "correlation_id": name, "payload": {"clazz": "X"}}
    return json.dumps(found | more).encode()


def link(name: str, index: int, total: int) -> bytes:
    """A link of a chain."""
    place = f"{index} : {name}"
    clazz = "info.ChunkedInfoMessage"
    return message(name, clazz, message_id=place, total_messages=total)


def error(name: str, kind: str) -> bytes:
    """An error of this type."""
    payload = {"clazz": f"{O}.error.ErrorData", "error-type": kind, "error-message": "no"}
    return message(name, "error.ErrorMessage", payload=payload)


def test_one_message_answers_a_command(ledger: Ledger) -> None:
    """Its latency is known then, and a second one is one too many."""
    ledger.send(command("a"), 10.0)
    assert ledger.unanswered == 1
    ledger.take(message("a"), 10.25)
    assert (ledger.unanswered, ledger.duplicates, ledger.percentile(0.5)) == (0, 0, 250.0)
    ledger.take(message("a"), 10.5)
    assert (ledger.answered, ledger.duplicates) == (1, 1)
    assert ledger.wrong == ["a was answered again"]


def test_a_chain_answers_once_it_is_whole(ledger: Ledger) -> None:
    """In any order; and any link after that is one too many."""
    ledger.send(command("a"), 0.0)
    for index in (2, 0, 2):
        ledger.take(link("a", index, 3), 1.0)
    assert ledger.unanswered == 1
    ledger.take(link("a", 1, 3), 2.0)
    assert (ledger.unanswered, ledger.duplicates) == (0, 0)
    ledger.take(link("a", 0, 3), 3.0)
    assert ledger.duplicates == 1


def test_an_empty_chain_is_whole(ledger: Ledger) -> None:
    """A chain of no links answers too."""
    ledger.send(command("a"), 0.0)
    ledger.take(link("a", 0, 0), 1.0)
    assert ledger.unanswered == 0


def test_each_switch_of_a_command_to_every_floodlight_may_answer(ledger: Ledger) -> None:
    """The first answer counts, and no further one is a duplicate."""
    ledger.send(command("a", ExpectedAnswer.EACH, None), 0.0)
    for _ in range(3):
        ledger.take(message("a"), 1.0)
    assert (ledger.answered, ledger.duplicates) == (1, 0)


def test_any_whole_sync_chain_answers_the_syncs_that_wait(ledger: Ledger) -> None:
    """Whoever asks while a sync runs joins it, so its chain carries somebody else's id."""
    ledger.send(command("a", ExpectedAnswer.SYNC, None), 0.0)
    ledger.send(command("b", ExpectedAnswer.SYNC, None), 0.1)
    ledger.take(link("a~x.1", 0, 2), 1.0)
    assert ledger.unanswered == 2
    ledger.take(link("a~x.1", 1, 2), 1.0)
    ledger.take(link("a~x.2", 0, 1), 1.0)
    assert (ledger.unanswered, ledger.duplicates) == (0, 0)


def test_events_are_no_answers(ledger: Ledger) -> None:
    """What nobody asked for changes nothing."""
    ledger.take(message("somebody's"), 1.0)
    assert (ledger.answered, ledger.duplicates, ledger.wrong) == (0, 0, [])


@pytest.mark.parametrize("kind", ["NOT_FOUND", "OPERATION_TIMED_OUT"])
def test_errors_are_excused_by_the_death_of_their_floodlight(
    ledger: Ledger, outages: Outages, kind: str
) -> None:
    """Only while it is dead, with the margins of the timeouts, and only at its own switches."""
    outage = outages.killed("fl-1", 100.0)
    outage.back = 110.0
    for name, sent, answered in (
        ("before", 100.0 - BEFORE, 101.0),
        ("during", 105.0, 106.0),
        ("after", 110.0 + AFTER, 115.0),
    ):
        ledger.send(command(name), sent)
        ledger.take(error(name, kind), answered)
    assert (ledger.wrong, ledger.errors, ledger.unanswered) == ([], {kind: 3}, 0)
    for name, switch, sent, answered in (
        ("long before", "sw-1", 100.0 - BEFORE - 0.1, 101.0),
        ("answered before", "sw-1", 99.5, 99.9),
        ("long after", "sw-1", 110.0 + AFTER + 0.1, 115.0),
        ("another's", "sw-2", 105.0, 106.0),
    ):
        ledger.send(command(name, switch=switch), sent)
        ledger.take(error(name, kind), answered)
    assert len(ledger.wrong) == 4
    assert ledger.unanswered == 0


def test_a_sync_may_have_waited_for_an_fl_that_dies(ledger: Ledger, outages: Outages) -> None:
    """However long, unless it was over."""
    outages.killed("fl-1", 100.0)
    for name, answered in (("waits", 101.0), ("over", 99.0)):
        ledger.send(command(name, ExpectedAnswer.SYNC, switch=None), 100.0 - 10 * BEFORE)
        ledger.take(error(name, "NOT_FOUND"), answered)
    assert ledger.wrong == ["over ended in NOT_FOUND: no"]


def test_a_death_excuses_no_other_errors(ledger: Ledger, outages: Outages) -> None:
    """A dead FL is no reason to call a good command bad."""
    outages.killed("fl-1", 0.0)
    ledger.send(command("a"), 1.0)
    ledger.take(error("a", "REQUEST_INVALID"), 2.0)
    assert ledger.wrong == ["a ended in REQUEST_INVALID: no"]


def test_malformed_commands_must_end_in_an_error(ledger: Ledger) -> None:
    """The right one is fine, the wrong one and being carried out are not."""
    for name in ("a", "b", "c"):
        ledger.send(command(name, ExpectedAnswer.ERROR), 0.0)
    ledger.take(error("a", "DATA_INVALID"), 1.0)
    assert ledger.wrong == []
    ledger.take(error("b", "NOT_FOUND"), 1.0)
    ledger.take(message("c"), 1.0)
    assert len(ledger.wrong) == 2


def test_it_forgets_what_was_answered_long_ago(ledger: Ledger) -> None:
    """So that a demo may run for days."""
    for number in range(1000):
        now = number * REMEMBER_S / 100
        ledger.send(command(str(number)), now)
        ledger.take(message(str(number)), now)
    assert len(ledger._entries) < 150
    assert ledger.answered == 1000
