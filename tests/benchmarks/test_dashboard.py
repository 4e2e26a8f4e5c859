"""What is measured of the dashboard, and what is not passes for nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks import dashboard
from tests.support.programs import CHROMIUM


def test_without_a_browser_nothing_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to install, before it measures for minutes."""
    monkeypatch.setattr("sys.argv", ["dashboard"])
    monkeypatch.setattr(dashboard, "CHROMIUM", dataclasses.replace(CHROMIUM, files=()))
    monkeypatch.setattr(dashboard, "broker", lambda: pytest.fail("it went on"))
    assert dashboard.main() == 1
    assert "install chromium" in capsys.readouterr().err


def test_what_is_above_a_mark_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mark is of something that was measured."""
    path = tmp_path / "found.json"
    assert dashboard.judged(dict(dashboard.MARKS), path) == 0
    assert json.loads(path.read_text()) == dashboard.MARKS
    assert dashboard.judged(dashboard.MARKS | {"page_bytes": 2e6}, None) == 1
    assert "page_bytes is 2e+06, at most 1e+06" in capsys.readouterr().err
    with pytest.raises(KeyError):
        dashboard.judged({"ratio": 1.0}, None)
