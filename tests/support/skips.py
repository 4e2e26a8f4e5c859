"""A part of pytest: what becomes of skipped tests.

One line at the end of the run counts them by what is missing. Where FLROUTER_TEST_NO_SKIPS is set,
as in CI, each is a failure.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable

import pytest

from tests.support.programs import WANT

NO_SKIPS = bool(os.environ.get("FLROUTER_TEST_NO_SKIPS"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a skip."""
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"not skipped, as FLROUTER_TEST_NO_SKIPS is set: {reason(report)}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """Say the line, after the list of reasons."""
    yield
    line = counted(reason(report) for report in terminalreporter.getreports("skipped"))
    if line:
        terminalreporter.write_line(line, yellow=True)


def reason(report: pytest.TestReport) -> str:
    """Why a test was skipped."""
    assert isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ")


def counted(reasons: Iterable[str]) -> str:
    """The line for these reasons; empty where there is none."""
    counts = Counter(reasons)
    parts = []
    for text, count in sorted(counts.items()):
        name, _, command = text.removeprefix(WANT).partition(": ")
        parts.append(f"{name}: {count} test{'s' * (count > 1)} ({command})")
    return f"skipped {WANT}{', '.join(parts)}" if parts else ""
