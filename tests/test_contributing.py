"""CONTRIBUTING.md: what it says of where things are, and of how to add one, is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from flrouter import agents
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers
from flrouter.core.values.inputs import Input
from tests.core.world import World
from tests.docs.markdown import code, headings, rows, section
from tests.fuzz import seeds

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PLACES = [tuple(code(" ".join(row[1:]))) for row in rows(section(PAGE, "Where is …?"))]
GUIDES = headings(section(PAGE, "How to add something"))


def defined(path: Path, name: str) -> bool:
    """Whether a module has this class, function or method."""
    body = ast.parse(path.read_text("utf-8")).body
    for part in name.split("."):
        node = next((node for node in body if getattr(node, "name", "") == part), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True


def test_there_are_ten_behaviours_and_five_guides() -> None:
    """Whoever takes one out sees it here."""
    assert (len(PLACES), len(GUIDES)) == (10, 5)


@pytest.mark.parametrize(("file", "function"), PLACES)
def test_each_behaviour_is_where_it_says(file: str, function: str) -> None:
    """The function is in that file."""
    assert defined(ROOT / "flrouter" / file, function)


@pytest.mark.parametrize("heading", GUIDES)
def test_each_guide_names_what_there_is(heading: str) -> None:
    """Five lines; files that are there, and in the last one tests that are there."""
    lines = re.findall(r"^[1-5]\. .*", section(PAGE, heading), re.MULTILINE)
    assert len(lines) == 5
    paths = [name for line in lines[:4] for name in code(line) if "/" in name]
    assert paths
    assert [name for name in paths if not (ROOT / name).exists()] == []
    tests = code(lines[4])
    assert tests
    assert all(defined(ROOT / file, name) for file, name in (test.split("::") for test in tests))


def test_each_input_has_a_rule() -> None:
    """The shard knows what follows from it."""
    assert World().shards[0]._take.keys() == set(get_args(Input))


def test_each_agent_is_registered() -> None:
    """A module that no worker runs reads nothing."""
    text = Path(agents.__file__).read_text("utf-8")
    modules = {path.stem for path in Path(agents.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^    (\w+)\.register\(app\)", text, re.MULTILINE)) == modules


def test_each_table_is_fuzzed() -> None:
    """The first inputs have a row of each."""
    kinds = {kind for table in TABLES.values() for kind in get_args(table) or (table,)}
    assert {type(row) for _, _, row in seeds.ROWS} == kinds


def test_each_note_is_fuzzed() -> None:
    """The first inputs have one of each."""
    assert {type(note) for note in seeds.NOTES} == set(get_args(peers.Peer))
