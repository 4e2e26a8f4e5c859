"""The two commands that the README begins with, as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, of_page
from tests.docs.shell import run
from tests.docs.test_blocks import commands

DEMO, TEST = (" ".join(words) for words in commands(next(of_page("README.md"))))


@pytest.mark.broker
def test_the_demo(tmp_path: Path) -> None:
    """Until Ctrl-C, which a terminal sends to make and to all that it has started."""
    script = [
        f"cd {ROOT}",
        f"{DEMO} > {tmp_path}/demo.log 2>&1 &",
        f"until grep --quiet 'answered 1' {tmp_path}/demo.log; do sleep 0.5; done",
        "kill -INT -- -$!",
        "wait $! || true",  # make says that it was interrupted
        f"cat {tmp_path}/demo.log",
    ]
    # As from a terminal, not from the make that runs the tests.
    found = run(script, tmp_path, timeout=60, MAKEFLAGS="", ARGS="")
    assert "every command got its one answer" in found


def test_ci_runs_the_tests() -> None:
    """Nothing is added to the command there, and nothing left out."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.splitlines()[-1] == TEST == "make test"
    assert DEMO == "make demo"


def test_ci_skips_nothing() -> None:
    """There, every program is to be had."""
    assert "export FLROUTER_TEST_NO_SKIPS=1\n" in (ROOT / ".ci" / "run").read_text("utf-8")
