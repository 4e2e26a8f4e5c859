"""Log lines as JSON: one object a line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from flrouter.core.effects import Fault
from flrouter.logs import JsonFormatter, config
from flrouter.runtime import fault_log
from flrouter.runtime.fault_log import MOST, FaultLog


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
        for number in range(MOST + 7):
            log.take(3, [Fault("NOT_FOUND: no", "t/0/1", f"op-{number}")])
        assert len(caplog.records) == MOST
        assert vars(caplog.records[0])["correlation_id"] == "op-0"
        now = 2.0
        log.tick()
        assert caplog.messages[-1].startswith("7 more")
        log.take(3, [Fault("bad", "t/0/1", "forged\n2026 INFO all is well", kept=True)])
        assert "\n" not in caplog.messages[-1]
        assert caplog.records[-1].levelname == "WARNING"
