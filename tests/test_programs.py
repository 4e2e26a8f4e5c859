"""What happens to tests where a program is missing: it is installed, or they are skipped."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.programs import CHROMIUM, OPEN_VSWITCH, PROMTOOL
from tests.support.skips import counted

ROOT = Path(__file__).parent.parent
#: two tests that a program is missing for, and one that needs none.
TESTS = """
import dataclasses
import pytest
from tests.support.programs import CHROMIUM, OPEN_VSWITCH, needs, require

def missing(program):
    return dataclasses.replace(program, files=("no-such-program",))

@needs(missing(CHROMIUM))
@pytest.mark.parametrize("number", [1, 2])
def test_marked(number):
    raise AssertionError

def test_that_asks():
    require(missing(OPEN_VSWITCH))
    raise AssertionError

def test_of_nothing_else():
    pass
"""


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """These tests, by a pytest of their own."""
    (folder / "test_few.py").write_text(TESTS, "utf-8")
    own = {key: value for key, value in os.environ.items() if key != "FLROUTER_TEST_NO_SKIPS"}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", str(folder)),
            *("-p", "tests.support.skips"),
        ],
        cwd=ROOT,
        env=own | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_skips_are_counted_in_the_end(tmp_path: Path) -> None:
    """By what is missing, with the commands that bring it."""
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    line = (
        "skipped for want of Chromium: 2 tests (apt-get install chromium),"
        " Open vSwitch: 1 test (apt-get install openvswitch-switch)"
    )
    last, summary = done.stdout.splitlines()[-2:]
    assert last == line
    assert summary.startswith("1 passed, 3 skipped")


def test_where_none_may_be_skipped_each_fails(tmp_path: Path) -> None:
    """As in CI, where every program is to be had."""
    done = run(tmp_path, FLROUTER_TEST_NO_SKIPS="1")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 2 errors" in done.stdout  # a mark skips before the test begins
    assert "for want of Open vSwitch: apt-get install openvswitch-switch" in done.stdout


def test_where_nothing_is_skipped_nothing_is_said() -> None:
    """Not even an empty line."""
    assert counted([]) == ""


def test_nobody_skips_in_another_way() -> None:
    """Or the reason would have no command, and the line would not count it."""
    other = re.compile(r"pytest\.(skip|xfail|importorskip)\(|mark\.(skip|skipif|xfail)\b")
    files = {
        path for path in (ROOT / "tests").rglob("*.py") if other.search(path.read_text("utf-8"))
    }
    assert files == {ROOT / "tests" / "support" / "programs.py"}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH; in it, apt-get writes what it is called with into a log."""
    script(tmp_path / "apt-get", 'echo "$DEBIAN_FRONTEND: $*" >> "$0.log"')
    (tmp_path / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_PATH", str(tmp_path))
    monkeypatch.setattr(programs, "PACKAGED", (OPEN_VSWITCH, CHROMIUM))
    return tmp_path


def script(path: Path, line: str) -> None:
    """Make it a program."""
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)


def test_root_gets_what_is_missing(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing that is there."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    script(bare / "ovs-vswitchd", "")
    script(bare / "apt-get", f'[ "$*" = "-qq update" ] || /bin/cp "$0" {bare}/chromium')
    programs.install()
    assert capsys.readouterr().out == "installing by apt-get: Chromium\n"
    assert CHROMIUM.path() == str(bare / "chromium")


def test_sudo_without_a_password_will_do(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each package on its own, after the lists."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    script(bare / "sudo", 'shift; exec "$@"')
    script(bare / "true", "")
    programs.install()
    install = "noninteractive: -qq install -y --no-install-recommends"
    assert (bare / "apt-get.log").read_text().splitlines() == [
        "noninteractive: -qq update",
        f"{install} openvswitch-switch",
        f"{install} chromium",
    ]


@pytest.mark.parametrize("sudo", ["", "exit 1"])
def test_who_may_not_is_told(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sudo: str
) -> None:
    """What is skipped, and how it would not be."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if sudo:
        script(bare / "sudo", sudo)
    programs.install()
    assert not (bare / "apt-get.log").exists()
    assert capsys.readouterr().out.splitlines() == [
        "no Open vSwitch: tests of real switches are skipped;"
        " on Debian and its like: apt-get install openvswitch-switch",
        "no Chromium: tests of what people see in a browser are skipped;"
        " on Debian and its like: apt-get install chromium",
    ]


def test_what_apt_get_does_not_have_holds_up_nothing(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own words are shown, and the rest is installed."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "PACKAGED", (PROMTOOL, OPEN_VSWITCH, CHROMIUM))
    there = (
        f'case "$*" in *chromium) /bin/cp "$0" {bare}/chromium;; *) echo none >&2; exit 100; esac'
    )
    script(bare / "apt-get", there)
    programs.install()
    said = capsys.readouterr().out
    assert "openvswitch-switch: none\n" in said
    assert "no Open vSwitch: " in said
    assert "no promtool: " in said
    assert "no Chromium" not in said


def test_a_program_of_the_system_s_is_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts other than root's often have no /usr/sbin in theirs."""
    assert {"/usr/sbin", "/sbin"} <= set(programs._PATH.split(os.pathsep))
    shell = dataclasses.replace(CHROMIUM, files=("no-such-program", "sh"))
    monkeypatch.setattr(programs, "_PATH", "/nowhere:/bin")
    assert shell.path() == "/bin/sh"
