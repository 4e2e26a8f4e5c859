"""Log lines as JSON: one object a line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from flrouter.core.values.effects import Fault
from flrouter.telemetry import fault_log
from flrouter.telemetry.fault_log import MAX_LINES_PER_S, FaultLog
from flrouter.telemetry.logs import FOLD_S, MAX_LINES, Folding, JsonFormatter, config


def line(text: str, *arguments: object, **extra: object) -> dict[str, object]:
    """What a record becomes."""
    record = logging.LogRecord("a.b", logging.INFO, __file__, 1, text, arguments, None)
    vars(record).update(extra)
    found = JsonFormatter().format(record)
    assert "\n" not in found
    return dict(json.loads(found))


def test_a_line_says_when_who_and_what() -> None:
    """Time in UTC, level, logger, and the text with its arguments."""
    found = line("%d of %s", 2, "three")
    assert found.pop("time").endswith("+00:00")  # type: ignore[attr-defined]
    assert found == {"level": "info", "logger": "a.b", "message": "2 of three"}


def test_what_it_is_about_is_in_fields_of_its_own() -> None:
    """Those that are empty, and those that nobody knows, are left out."""
    found = line("no", correlation_id="op-1", request="", shard=0, colour="red")
    assert (found["correlation_id"], found["shard"]) == ("op-1", 0)
    assert found.keys().isdisjoint({"request", "colour"})


@pytest.mark.parametrize("text", ["two\nlines", "\ud800", 'a "quoted" \x00', "ünïcode"])
def test_whatever_is_said_is_one_line_of_json(text: str) -> None:
    """Also what has no form in UTF-8."""
    assert line("%s", text)["message"] == text.replace("\ud800", "?")


def test_an_exception_is_part_of_its_line() -> None:
    """With its traceback."""
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        found = line("it failed", exc_info=sys.exc_info())
    assert "ZeroDivisionError: division by zero" in str(found["exception"])


def test_only_json_changes_what_faust_does() -> None:
    """Text is left as it is."""
    assert config("text") is None
    assert config("json") is not None


def test_a_flood_of_faults_is_no_flood_of_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many a second, and then how many were left out."""
    now = 1.0
    monkeypatch.setattr(fault_log, "monotonic", lambda: now)
    log = FaultLog()
    with caplog.at_level(logging.INFO, logger="flrouter"):
        for number in range(MAX_LINES_PER_S + 7):
            log.take(3, [Fault("NOT_FOUND: no", "t/0/1", f"op-{number}")])
        assert len(caplog.records) == MAX_LINES_PER_S
        assert vars(caplog.records[0])["correlation_id"] == "op-0"
        now = 2.0
        log.tick()
        assert caplog.messages[-1].startswith("7 more")
        log.take(3, [Fault("bad", "t/0/1", "forged\n2026 INFO all is well", kept=True)])
        assert "\n" not in caplog.messages[-1]
        assert caplog.records[-1].levelname == "WARNING"


# -- lines that come again and again --------------------------------------------------------------


class Clock:
    """Seconds, as told."""

    now = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now


def folded(folding: Folding, logger: str, *texts: str, **extra: object) -> list[str]:
    """What is written of these warnings."""
    written = []
    for text in texts:
        record = logging.LogRecord(logger, logging.WARNING, __file__, 1, text, (), None)
        vars(record).update(extra)
        if folding.filter(record):
            written.append(record.getMessage())
    return written


def test_a_line_that_comes_again_is_counted() -> None:
    """And written once a minute, with the count."""
    clock = Clock()
    folding = Folding(clock)
    assert folded(folding, "aiokafka.conn", *["no broker"] * 5) == ["no broker"]
    clock.now += FOLD_S
    again = folded(folding, "aiokafka.conn", "no broker", "no broker")
    assert again == ["no broker (4 more like this since the last)"]
    clock.now += FOLD_S
    assert folded(folding, "aiokafka.conn", "another") == ["another"]


def test_a_client_s_lines_differ_in_numbers_only() -> None:
    """Ours say something new with each."""
    texts = ["node 1 away for 0.25 s", "node 2 away for 1.5 s", "node x away"]
    assert folded(Folding(Clock()), "librdkafka", *texts) == [texts[0], texts[2]]
    assert folded(Folding(Clock()), "flrouter.kafka.reader", *texts, texts[0]) == texts


def test_every_request_is_told_of() -> None:
    """However alike two lines are."""
    texts = ["dead letter: rubbish"] * 3
    assert folded(Folding(Clock()), "flrouter.telemetry.fault_log", *texts, request="a") == texts


def test_information_is_not_folded() -> None:
    """Who asks for it wants all of it."""
    record = logging.LogRecord("kafka", logging.INFO, __file__, 1, "again", (), None)
    folding = Folding(Clock())
    assert all(folding.filter(record) for _ in range(3))


def test_so_many_lines_are_remembered() -> None:
    """Memory stays bounded."""
    folding = Folding(Clock())
    assert len(folded(folding, "flrouter", *map(str, range(3 * MAX_LINES)))) == 3 * MAX_LINES
    assert len(folding._lines) <= MAX_LINES
