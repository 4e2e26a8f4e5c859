"""The rates that `flrouter top` shows, and those that it does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cli.command import typed
from tests.cli.scripted import scripted
from tests.docs.blocks import of_page

Said = tuple[int, Any]
ALL = {"missing": [], "missing_shards": [], "next": None}


def workers(*, away: bool = False, started: int = 1) -> Said:
    """Two, of which the second may be away."""
    rest = {"shards": [0], "ready": True, "lag": 0, "held_back": [], "reason": ""}
    one = {"url": "http://a:6066", "answering": True, "started": 1, **rest}
    other = {"url": "http://b:6066", "answering": not away, "started": started, **rest}
    return 200, {"items": [one, other], **ALL}


def floodlights(answers: int) -> Said:
    """One that gave so many answers, as those count together who tell."""
    row = {"id": "fl-1", "state": "up", "since": 0, "switches": 3, "pending": 2, "region": "east"}
    latency = {"counts": [answers], "total": 1.0}
    return 200, {"items": [row | {"weight": 100, "latency": latency}], **ALL}


@pytest.mark.parametrize(
    ("of_workers", "rates"),
    [
        ([workers(), workers()], True),
        ([workers(away=True), workers()], False),
        ([workers(), workers(away=True)], False),
        ([workers(), workers(started=2)], False),
    ],
    ids=["both", "comes back", "goes", "is started again"],
)
def test_what_a_worker_counted_that_comes_or_goes_is_no_rate(
    of_workers: list[Said], rates: bool
) -> None:
    """All that it ever counted would pass for answers of this second."""
    script = {"workers": of_workers, "floodlights": [floodlights(10), floodlights(10_000)]}
    with scripted(script) as url:
        done = typed("top", "--times", "2", "--every", "0.2", settings={"worker_url": url})
    assert done.exit_code == 0, done.stderr
    (row,) = (line.split() for line in done.stdout.splitlines() if line.startswith("fl-1"))
    assert len(row) == (8 if rates else 6), row


def test_what_docs_command_line_shows_is_what_is_printed() -> None:
    """The same summary, whatever its numbers, and the same columns."""
    (block,) = (block for block in of_page("docs/command-line.md") if block.language == "text")
    row = {"id": "fl-1", "switches": 48, "unmanaged": 24, "pending": 2, "region": "", "weight": 100}
    known = [
        row | {"state": "up", "since": 0, "latency": {"counts": [10], "total": 1.0}},
        row | {"state": "outage", "since": 0, "latency": {"counts": [0], "total": 0.0}},
    ]
    script = {"workers": [workers()], "floodlights": [(200, {"items": known, **ALL})]}
    with scripted(script) as url:
        done = typed("top", "--times", "1", settings={"worker_url": url})
    assert done.exit_code == 0, done.stderr
    assert landmarks(done.stdout) == landmarks(block.text)


def landmarks(printed: str) -> list[list[str]]:
    """The words of the summary, with N for each number, and those of the tables' first rows."""
    lines = [re.sub(r"\d+", "N", line) for line in printed.splitlines()]
    starts = ("N worker", "floodlight ", "worker ")
    return [line.replace("workers", "worker").split() for line in lines if line.startswith(starts)]
