"""Row 6: `flrouter demo --switches ovs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import flrouter
from tests.cli.test_demo import leftovers
from tests.support.programs import OPEN_VSWITCH, needs

pytestmark = pytest.mark.broker


@needs(OPEN_VSWITCH)
def test_the_demo_on_real_switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules go to six switches, an FL is killed, and each table holds what was commanded."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    out = tmp_path / "out.json"
    done = flrouter("demo", "--switches", "ovs", "--rate", "100", "--json", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(out.read_text())
    assert (report["unanswered"], report["duplicates"], report["differences"]) == (0, 0, {})
    assert report["rules"] == 1200
    assert report["sent"] == report["answered"] == report["rules"] + report["sent_again"]
    assert report["errors"].keys() <= {"NOT_FOUND", "OPERATION_TIMED_OUT"}
    for text in (" is killed, which spoke for ", " is back", "no others"):
        assert text in done.stdout
    assert list(tmp_path.iterdir()) == [out]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--seconds", "300"), "choose a smaller --rate or --seconds"),
        (("--floodlights", "1"), "expected 2 to 20"),
    ],
)
def test_what_real_switches_cannot_do(wrong: tuple[str, str], told: str) -> None:
    """It says so before anything is started."""
    done = flrouter("demo", "--switches", "ovs", *wrong)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_wrong_number_of_switches() -> None:
    """The sentence names both kinds that there are."""
    done = flrouter("demo", "--switches", "many")
    assert done.returncode == 2
    assert "neither `ovs` nor a number" in done.stderr
