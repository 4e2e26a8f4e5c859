"""Figures, lists and lines that pages quote from the code."""

from __future__ import annotations

import ast
import re

import pytest

from flrouter import kinds
from flrouter.cli.looking import problems
from flrouter.core import reports
from flrouter.core.floodlights import sync
from flrouter.core.requests.links import MAX_ORPHANED_MESSAGES as ORPHANED
from flrouter.core.state import rules
from flrouter.core.state.table import TABLES
from flrouter.core.switches import holders
from flrouter.kafka import librdkafka
from flrouter.runtime.durability import at_least_once
from flrouter.runtime.ownership import lease
from flrouter.telemetry import feed
from flrouter.web.access import guard
from flrouter.web.api import operations
from flrouter.web.calls import workers
from flrouter.web.dashboard import stream
from tests.docs.blocks import ROOT
from tests.docs.markdown import rows, section
from tests.fuzz.targets.amplification import ADDED, AT_ONCE, IN_ALL

WORDS = {"once": 1, "three": 3, "five": 5, "six": 6, "ten": 10, "twelve": 12}
CHECKPOINTS_A_SECOND = 1 / at_least_once.CHECKPOINT_INTERVAL_S
COMMITS_A_SECOND = 1 / lease.COMMIT_INTERVAL_S
REPEATED_TENTHS = 10 * (at_least_once.CHECKPOINT_INTERVAL_S + lease.COMMIT_INTERVAL_S)

FIGURES: list[tuple[str, str, list[float]]] = [
    ("architecture", r"(\w+) times a second a \*\*checkpoint\*\*", [CHECKPOINTS_A_SECOND]),
    ("architecture", r"(\w+) \(`core/state/table.py` lists them\)", [len(TABLES)]),
    ("decisions/index", r"changelogs (\w+) times a second", [CHECKPOINTS_A_SECOND]),
    ("decisions/index", r"up to (\w+) tenths of a second", [REPEATED_TENTHS]),
    ("guarantees", r"acknowledges (\w+) times a second", [CHECKPOINTS_A_SECOND]),
    ("guarantees", r"committed to Kafka (\w+) times a second", [COMMITS_A_SECOND]),
    ("guarantees", r"older than (\w+) tenths of a second", [REPEATED_TENTHS]),
    ("guarantees", r"the last (\w+) tenths of a second", [REPEATED_TENTHS]),
    ("guarantees", r"a correlation id \| (\S+) bytes", [rules.MAX_ID_BYTES]),
    ("guarantees", r"copies for FLs, together \| (\S+) × `MAX_M", [rules.MAX_GROWTH]),
    ("guarantees", r"until all have come \| (\S+) × `MAX_M", [rules.MAX_GROWTH]),
    ("guarantees", r"a copy of every link \| (\S+) \|", [sync.MAX_REQUESTERS]),
    ("guarantees", r"nobody asked for, in one shard \| (\S+) × `MAX_M", [ORPHANED]),
    ("guarantees", r"before one that is missing \| (\S+) \|", [reports.MAX_AHEAD]),
    ("guarantees", r"switches of one shard \| (\S+) \|", [holders.MAX_SWITCHES]),
    ("guarantees", r"at most (\S+) × `MAX_MESSAGE_BYTES` at once, and (\S+) ×", [AT_ONCE, IN_ALL]),
    ("guarantees", r"adds up to (\S+) bytes to a record", [ADDED]),
    ("api", r"did not answer within (\S+) s", [workers.TIMEOUT_S]),
    ("api", r"the body has more than (\S+) bytes", [operations.MAX_BODY_BYTES]),
    (
        "api",
        r"more than (\S+) changes in a row, or (\S+) a second",
        [guard.BURST_CHANGES, guard.CHANGES_PER_S],
    ),
    ("api", r"more than (\S+) wrong tokens in a row", [guard.BURST_WRONG_TOKENS]),
    ("security", r"bodies of at most (\S+) bytes", [operations.MAX_BODY_BYTES]),
    ("security", r"(\S+) changes a second", [guard.CHANGES_PER_S]),
    ("security", r"pages of at most (\S+) rows", [guard.MAX_ADDRESSES]),
    ("security", r"shows (\S+) wrong ones is heard", [guard.BURST_WRONG_TOKENS]),
    ("security", r"wrong ones is heard (\w+) a second", [guard.WRONG_TOKENS_PER_S]),
    ("security", r"one has at least (\S+) characters", [kinds.MIN_TOKEN_CHARACTERS]),
    ("dashboard", r"the same within (\w+) seconds is one line", [feed.TOGETHER_MS / 1000]),
    ("dashboard", r"the last (\w+) of a kind", [feed.MAX_HAPPENINGS]),
    ("dashboard", r"told anew (\w+) a second", [1 / stream.PERIOD_S]),
    ("embedded-broker", r"fetch wait of (\S+) ms", [librdkafka.EMBEDDED_FETCH_WAIT_MS]),
    ("runbook", r"More than (\S+) records of a topic", [problems.MAX_LAG_RECORDS]),
]


@pytest.mark.parametrize(("page", "pattern", "expected"), FIGURES)
def test_figures_are_the_code_s(page: str, pattern: str, expected: list[float]) -> None:
    """Whoever changes one finds the sentence that quotes it."""
    text = " ".join((ROOT / "docs" / f"{page}.md").read_text("utf-8").split())
    found = re.search(pattern, text)
    assert found is not None, f"{page}.md says it no more: {pattern}"
    told = [WORDS.get(word.lower()) or float(word.replace(",", "")) for word in found.groups()]
    assert told == pytest.approx(expected)


def test_tables_are_those_that_there_are() -> None:
    """A row for each, and each has a changelog that somebody has to create."""
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    names = [row[0] for row in rows(section(architecture, "Tables"))]
    assert [name for name in names if name] == list(TABLES)
    security = (ROOT / "docs" / "security.md").read_text("utf-8")
    listed = re.search(r"cleanup\.policy=compact; ([\w,\s]+)\)", security)
    assert listed is not None
    assert re.findall(r"\w+", listed[1]) == list(TABLES)


def test_lines_that_the_runbook_quotes_are_the_code_s() -> None:
    """Whoever looks for one in a log, or on a page, finds it."""
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    quoted = re.findall(r'"([^"]+)"', re.sub(r"`[^`]*`", "", runbook))
    code = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "flrouter").rglob("*.py")]
    nodes = [node for module in code for node in ast.walk(module)]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in docstrings
    ]
    assert quoted
    assert [line for line in quoted if not any(line in text for text in texts)] == []
