"""`flrouter demo`: a whole router, watched from its beginning to its end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.command import Running, flrouter

pytestmark = pytest.mark.broker


def leftovers(folder: Path) -> list[str]:
    """The processes that still have `folder` in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("profile", ["plain", "openkilda"])  # one topic each way, and many
def test_every_command_gets_its_one_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    """Though an FL dies and comes back; the figures say so, and nothing is left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    out = tmp_path / "out.json"
    how = ("--seconds", "6", "--rate", "50", "--profile", profile)
    done = flrouter("demo", *how, "--json", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(out.read_text())
    errors = report.pop("errors")
    assert set(errors) <= {
        "NOT_FOUND",
        "OPERATION_TIMED_OUT",
        "REQUEST_INVALID",
        "DATA_INVALID",
        "PARAMETERS_INVALID",
    }
    assert 0 < report.pop("p50_ms") <= report.pop("p99_ms")
    assert report.pop("late_dropped") >= 0
    assert report == {"sent": 300, "answered": 300, "unanswered": 0, "duplicates": 0}
    for text in ("fl-2 is killed", "fl-2 is back", "every command got its one answer"):
        assert text in done.stdout
    assert list(tmp_path.iterdir()) == [out]
    assert leftovers(tmp_path) == []


def test_ctrl_c_ends_it_with_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --seconds it runs until then; what was sent is waited for, all processes stop."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Running("demo", "--rate", "20", "--workers", "1", "--floodlights", "1") as demo:
        demo.wait_for("answered 1")
        status = demo.signal(signal.SIGINT)
        assert status == 0, demo.output
        assert "every command got its one answer" in demo.output
    assert leftovers(tmp_path) == []


def test_two_signals_end_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while it comes up; it says where the logs are."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Running("demo", "--workers", "1", "--floodlights", "1") as demo:
        demo.wait_for("starting")
        assert demo.signal(signal.SIGTERM) == 1
        assert "stopped before any command was sent" in demo.output
        assert f"the logs of all processes are in {tmp_path}" in demo.output
    assert leftovers(tmp_path) == []
